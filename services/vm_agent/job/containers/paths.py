"""Where a job's folders are within a container: GitHub's paths, and how the machine's are translated to them. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass

from services.vm_agent.job.containers.refused import BadContainer
from services.vm_agent.job.places import Places

HOME = "/github/home"
WORKFLOW = "/github/workflow"
WORKSPACE = "/github/workspace"
"""Of an action's container; in the job's own the workspace is below `/__w`."""


@dataclass(frozen=True, slots=True)
class Mount:
    source: str
    target: str
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Inside:
    """The folders of a job that a container has."""

    mounts: tuple[Mount, ...]

    def path(self, text: str) -> str:
        """A path of the machine as it is in the container; any other text as it is. The innermost folder counts."""
        fits = [one for one in self.mounts if text == one.source or text.startswith(one.source + "/")]
        if not fits:
            return text
        mount = max(fits, key=lambda one: len(one.source))
        return mount.target + text[len(mount.source) :]

    def machine_path(self, text: str) -> str:
        """The other way: what a process in the container calls by this path; any other text as it is."""
        fits = [one for one in self.mounts if text == one.target or text.startswith(one.target + "/")]
        if not fits:
            return text
        mount = max(fits, key=lambda one: len(one.target))
        return mount.source + text[len(mount.target) :]

    def environment(self, env: Mapping[str, str]) -> dict[str, str]:
        """Whole values are translated, as GitHub's runner does."""
        return {name: self.path(value) for name, value in env.items()}


def inside_job(places: Places, *, more: tuple[Mount, ...] = ()) -> Inside:
    """The job's container."""
    work = posixpath.basename(places.runner_workspace)
    return Inside(
        (
            Mount(places.runner_workspace, f"/__w/{work}"),
            Mount(places.temp, "/__w/_temp"),
            Mount(places.actions, "/__w/_actions"),
            Mount(places.tool_cache, "/__t"),
            *_github(places),
            *more,
        )
    )


def inside_action(places: Places) -> Inside:
    """The container of an action, or of a step `docker://image`."""
    return Inside(
        (
            Mount(places.workspace, WORKSPACE),
            Mount(places.temp, "/github/runner_temp"),
            Mount(f"{places.temp}/_runner_file_commands", "/github/file_commands"),
            *_github(places),
        )
    )


def _github(places: Places) -> tuple[Mount, ...]:
    return (Mount(f"{places.temp}/_github_home", HOME), Mount(posixpath.dirname(places.event), WORKFLOW))


def read_volume(text: str) -> str:
    """`source:target[:options]` or a target alone, as the engine takes it. Raises BadContainer."""
    volume = text.strip()
    parts = volume.split(":")
    target = parts[0] if len(parts) == 1 else parts[1]
    if not volume or len(parts) > 3 or not all(parts) or not target.startswith("/"):
        raise BadContainer(f"volumes: '{text}' is none: [volume-or-absolute-path:]absolute-path-in-the-container[:ro]")
    return volume


def bound_folder(volume: str) -> str:
    """The folder of the machine that a volume shows, "" where it is the engine's own. Docker makes one that is missing;
    podman refuses it."""
    source = volume.partition(":")[0] if ":" in volume else ""
    return source if source.startswith("/") else ""
