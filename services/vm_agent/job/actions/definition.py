"""An action's description of itself, read from its folder in the sandbox."""

from __future__ import annotations

import posixpath

from libs.workflow.actions.manifest import read_action
from libs.workflow.actions.model import Action, Docker
from libs.workflow.source import workflow_bytes
from services.vm_agent.job.actions.use import ActionFailed, Found
from services.vm_agent.sandbox.protocol import FileTrouble, Sandbox

NAMES = ("action.yml", "action.yaml")
SHOWN_PROBLEMS = 10
"""Of a broken file in one message: the first ones are the ones to mend."""


async def read_definition(sandbox: Sandbox, found: Found) -> Action:
    """Raises ActionFailed, SandboxLost."""
    for name in NAMES:
        content = await _content(sandbox, found, name)
        if content is not None:
            return _action(posixpath.join(found.label, name), content)
    if await _content(sandbox, found, "Dockerfile") is not None:
        return Action(posixpath.join(found.label, "Dockerfile"), "", (), {}, Docker("Dockerfile"))
    hint = "" if found.repository else ". Did you forget to run actions/checkout before running your local action?"
    raise ActionFailed(f"Can't find 'action.yml', 'action.yaml' or 'Dockerfile' under '{found.folder}'{hint}")


async def _content(sandbox: Sandbox, found: Found, name: str) -> bytes | None:
    try:
        return await sandbox.read_file(posixpath.join(found.folder, name), workflow_bytes)
    except FileTrouble as error:
        raise ActionFailed(f"{posixpath.join(found.label, name)} cannot be read: {error}") from None


def _action(file: str, content: bytes) -> Action:
    manifest = read_action(file, content)
    if manifest.action is not None:
        return manifest.action
    errors = [problem.render() for problem in manifest.problems if problem.severity == "error"]
    rest = f"; and {len(errors) - SHOWN_PROBLEMS} more" if len(errors) > SHOWN_PROBLEMS else ""
    raise ActionFailed("; ".join(errors[:SHOWN_PROBLEMS]) + rest)
