"""The built-in `actions/checkout`: a clone made on the host, put into the workspace.

The guest needs no git and no network for it, and no credentials reach it. The event's commit is checked out exactly, or
the job ends in `error`; a ref that the workflow itself names and that does not exist is the workflow's failure.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from libs.contracts.ids import RepositoryId
from libs.contracts.plan import Repository
from libs.sources import WHOLE_HISTORY, SourceError, SourceMissing, Wanted
from services.vm_agent.job.places import OutsideWorkspace
from services.vm_agent.job.surroundings import JobError, Surroundings
from services.vm_agent.log.step_output import StepOutput
from services.vm_agent.sandbox.protocol import ArchiveRefused, Capability, FileTrouble
from services.vm_agent.sandbox.run import run

_ACTION = re.compile(r"actions/checkout@.+\Z", re.IGNORECASE)
_COMMIT = re.compile(r"[0-9a-fA-F]{40}\Z|[0-9a-fA-F]{64}\Z")
_REPOSITORY = re.compile(r"([A-Za-z0-9_.-]+)/([A-Za-z0-9_.-]+)\Z")
_NOT_RUN = ("submodules", "lfs", "sparse-checkout", "ssh-key")
"""Inputs that would change what lies in the workspace, and that are not honoured yet."""
_EMPTY = 'if test -d "$1"; then exec find "$1" -mindepth 1 -maxdepth 1 -exec rm -rf -- {} +; fi'
_FORGET = 'exec rm -rf -- "$1/.git"'


class CheckoutFailed(Exception):
    """The workflow's own mistake."""


@dataclass(frozen=True, slots=True)
class Inputs:
    repository: str
    ref: str
    path: str
    depth: int
    clean: bool
    server: str = ""
    """Where it is, if not where the event came from."""


def is_checkout(uses: str) -> bool:
    return bool(_ACTION.match(uses.strip()))


def read_inputs(given: Mapping[str, str], repository: str) -> Inputs:
    """`given` are the step's evaluated `with`; names ignore case. Raises CheckoutFailed."""
    values = {name.lower(): value.strip() for name, value in given.items()}
    for name in _NOT_RUN:
        if values.get(name, "").lower() not in {"", "false"}:
            raise CheckoutFailed(f"actions/checkout: the input '{name}' is not run yet: leave it out")
    depth = _depth(values.get("fetch-depth", ""))
    return Inputs(
        repository=values.get("repository") or repository,
        ref=values.get("ref", ""),
        path=values.get("path") or ".",
        # All tags are had with all that they name, which is more than their commits and never less.
        depth=WHOLE_HISTORY if _boolean("fetch-tags", values.get("fetch-tags") or "false") else depth,
        clean=_boolean("clean", values.get("clean", "")),
        server=values.get("github-server-url", "").rstrip("/"),
    )


async def check_out(around: Surroundings, inputs: Inputs, output: StepOutput) -> dict[str, str]:
    """The step's outputs. Raises CheckoutFailed, JobError, SandboxError."""
    try:
        path = around.places.within_workspace(inputs.path)
    except OutsideWorkspace as error:
        raise CheckoutFailed(f"Repository path {error}") from None
    wanted = _wanted(around, inputs)
    await output.print(f"Syncing repository: {wanted.repository.full_name}")
    try:
        async with around.sources.checkout(wanted) as source:
            if wanted.commit is not None and source.commit != wanted.commit.lower():
                raise JobError(f"checkout: {wanted.commit} was asked for, {source.commit} came")
            await _make_room(around, path, inputs.clean)
            await around.sandbox.put(source.archive, path)
    except SourceMissing as error:
        raise _missing(inputs, wanted, error) from None
    except SourceError as error:
        raise CheckoutFailed(str(error)) from None
    except (ArchiveRefused, FileTrouble) as error:
        why = f"checkout: the files could not be put into the workspace: {error}"
        # Another host helps only where nothing of the workflow's is in the way: no path of its own, and no step before.
        own_doing = around.state.touched or inputs.path != "."
        raise CheckoutFailed(why) if own_doing else JobError(why) from None
    await output.print(f"HEAD is now at {source.commit}" + (f" ({source.ref})" if source.ref else ""))
    return {"ref": source.ref, "commit": source.commit}


def _wanted(around: Surroundings, inputs: Inputs) -> Wanted:
    """What actions/checkout makes of `repository` and `ref`: without a ref the event's commit, exactly."""
    order = around.state.order
    server = str(order.github.get("server_url") or "")
    elsewhere = inputs.server not in ("", server.rstrip("/"))
    own = inputs.repository.lower() == order.repository.full_name.lower() and not elsewhere
    repository = order.repository if own else _other(inputs.repository, inputs.server or server)
    if _COMMIT.match(inputs.ref):
        return Wanted(repository, inputs.ref.lower(), None, inputs.depth)
    if inputs.ref or not own:
        return Wanted(repository, None, inputs.ref or None, inputs.depth)
    ref = str(order.github.get("ref") or "")
    return Wanted(
        repository, order.sha, ref if ref.startswith("refs/") or not ref else f"refs/heads/{ref}", inputs.depth
    )


def _other(full_name: str, server_url: str) -> Repository:
    match = _REPOSITORY.match(full_name)
    if match is None:
        raise CheckoutFailed(f"Invalid repository '{full_name}'. Expected format {{owner}}/{{repo}}.")
    server = server_url or "https://github.com"
    return Repository(RepositoryId(0), match[1], match[2], clone_url=f"{server}/{full_name}.git")


def _missing(inputs: Inputs, wanted: Wanted, error: SourceMissing) -> Exception:
    if inputs.ref or wanted.commit is None:
        return CheckoutFailed(str(error))
    return JobError(f"checkout: the event's commit {wanted.commit} cannot be had: {error}")


async def _make_room(around: Surroundings, path: str, clean: bool) -> None:
    """A clone replaces what lies there; without `clean`, files that it does not hold stay."""
    if not around.state.touched:
        return
    # What root made in a container, or by `sudo`, is in the way too.
    user = "root" if Capability.USERS in around.sandbox.capabilities else None
    await run(around.sandbox, ["sh", "-c", _EMPTY if clean else _FORGET, "sh", path], user=user)


def _depth(text: str) -> int:
    try:
        depth = math.floor(float(text or "1"))
    except (ValueError, OverflowError):
        return WHOLE_HISTORY
    return max(depth, WHOLE_HISTORY)


def _boolean(name: str, text: str) -> bool:
    match text.lower():
        case "" | "true":
            return True
        case "false":
            return False
        case _:
            raise CheckoutFailed(f"actions/checkout: the input '{name}' must be true or false, it is '{text}'")
