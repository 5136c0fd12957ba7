"""Where a job's files are, as the job sees them: GitHub's layout below what the sandbox offers."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass

from services.vm_agent.sandbox.protocol import GuestPaths

RUNNER_FILES = ("env", "output", "path", "state", "step_summary", "artifacts", "artifacts_list")
"""The `github` context's names of the files through which a step answers; `GITHUB_<NAME>` is the variable."""
_PREFIXES = {
    "env": "set_env",
    "output": "set_output",
    "path": "add_path",
    "state": "save_state",
    "step_summary": "step_summary",
    "artifacts": "artifacts",
    "artifacts_list": "artifacts_list",
}


class OutsideWorkspace(Exception):
    """A path that must be within the workspace leads out of it."""


@dataclass(frozen=True, slots=True)
class Places:
    home: str
    temp: str
    tool_cache: str
    actions: str
    """Where the repositories of actions are."""
    runner_workspace: str
    workspace: str
    event: str

    def runner_file(self, name: str, step: str) -> str:
        """A new file for each step: what a background process of an earlier one still writes is not read."""
        return f"{self.temp}/_runner_file_commands/{_PREFIXES[name]}_{step}"

    def script(self, step: str, extension: str) -> str:
        return f"{self.temp}/step_{step}{extension}"

    def within_workspace(self, path: str) -> str:
        """An absolute path in the workspace. Raises OutsideWorkspace. Links are the sandbox's business."""
        whole = posixpath.normpath(posixpath.join(self.workspace, path))
        if whole != self.workspace and not whole.startswith(self.workspace + "/"):
            raise OutsideWorkspace(f"'{path}' is not within the workspace {self.workspace}")
        return whole


def places(paths: GuestPaths, repository: str) -> Places:
    """`repository` is the name without its owner."""
    work = f"{paths.work}/{repository}"
    return Places(
        home=paths.home,
        temp=paths.temp,
        tool_cache=paths.tool_cache,
        actions=f"{paths.work}/_actions",
        runner_workspace=work,
        workspace=f"{work}/{repository}",
        event=f"{paths.temp}/_github_workflow/event.json",
    )
