"""A workflow that somebody started by hand: its ref looked up, its file found, its inputs checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from msgspec.structs import replace

from libs.contracts.intake import IntakeFailed, WorkflowRejected
from libs.contracts.plan import JsonObject
from libs.repositories import WORKFLOWS_FOLDER, Repositories
from libs.workflow.inputs import GivenInput, InputsRefused, InputValue, resolve_inputs
from libs.workflow.lockfiles import lockfiles_among
from libs.workflow.model import Workflow
from libs.workflow.triggers import TriggerEvent
from services.parser.examine import named, rejection
from services.parser.files import Readings
from services.parser.meaning import Dispatched, Relevant, default_ref

EVENT = "workflow_dispatch"
OWN_REFS = ("refs/heads/", "refs/tags/")
"""What only people with rights to the repository can move: `refs/pull/` holds anybody's code, and would be trusted."""


@dataclass(frozen=True, slots=True)
class Started:
    relevant: Relevant
    workflow: Workflow
    inputs: dict[str, InputValue]


@dataclass(frozen=True, slots=True)
class Refused:
    rejected: WorkflowRejected
    source: bytes


async def start(
    dispatched: Dispatched, repositories: Repositories, readings: Readings, seconds: float
) -> Started | Refused | IntakeFailed:
    """Raises SourceMissing, SourceRefused where the ref or its commit cannot be had."""
    repository = dispatched.repository
    asked = dispatched.ref or default_ref(repository)
    resolved = await repositories.resolve(repository, asked, seconds)
    if not resolved.ref:
        return _failed(dispatched, f"{dispatched.ref[:200]!r} is a commit: a workflow is started on a branch or a tag")
    if not resolved.ref.startswith(OWN_REFS):
        return _failed(
            dispatched, f"{resolved.ref[:200]!r} is no branch and no tag, and no other ref starts a workflow"
        )
    commit = await repositories.commit(repository, resolved.sha, (resolved.ref,), seconds)
    files = await commit.workflows()
    file = named(files, dispatched.workflow)
    if file is None:
        there = ", ".join(known.path for known in files) or f"there is none in {WORKFLOWS_FOLDER}"
        return _failed(dispatched, f"no workflow {dispatched.workflow[:200]!r} on {resolved.ref}: {there}")
    relevant = _relevant(dispatched, resolved.sha, resolved.ref, file.path)
    reading = await readings.read(file)
    if reading.workflow is None:
        return Refused(rejection(relevant, file.path, reading.problems), file.content)
    relevant = replace(relevant, lockfiles=lockfiles_among(await commit.root_files()))
    return _checked(dispatched, relevant, reading.workflow)


def _checked(dispatched: Dispatched, relevant: Relevant, workflow: Workflow) -> Started | IntakeFailed:
    trigger = workflow.on.workflow_dispatch
    if trigger is None:
        return _failed(dispatched, f"{workflow.file} has no `on: workflow_dispatch`, so nobody can start it by hand")
    given = {name: value for name, value in dispatched.inputs.items() if isinstance(value, str | bool | int | float)}
    odd = [name for name, value in dispatched.inputs.items() if value is not None and name not in given]
    if odd:
        return _failed(dispatched, f"the inputs {', '.join(odd)[:200]} are neither text nor number nor true or false")
    resolved = resolve_inputs(trigger, cast(dict[str, GivenInput], given))
    if isinstance(resolved, InputsRefused):
        return _failed(dispatched, f"{workflow.file}: {'; '.join(resolved.reasons)}")
    payload = {**relevant.payload, "inputs": dict(resolved.strings)}
    return Started(replace(relevant, payload=payload), workflow, resolved.values)


def _relevant(dispatched: Dispatched, sha: str, ref: str, path: str) -> Relevant:
    return Relevant(
        trigger=TriggerEvent(EVENT, ref=ref),
        repository=dispatched.repository,
        owner_id=dispatched.owner_id,
        sha=sha,
        ref=ref,
        trust="own",
        actor=dispatched.actor,
        payload=dispatched.payload or _payload(dispatched, ref, path),
    )


def _payload(dispatched: Dispatched, ref: str, path: str) -> JsonObject:
    """What GitHub would have sent, as far as we know it."""
    repository = dispatched.repository
    owner = {"login": repository.owner}
    return {
        "inputs": dict(dispatched.inputs),
        "ref": ref,
        "repository": {
            "id": repository.id,
            "name": repository.name,
            "full_name": repository.full_name,
            "owner": owner,
            "clone_url": repository.clone_url,
        },
        "sender": {"login": dispatched.actor.login},
        "workflow": path,
    }


def _failed(dispatched: Dispatched, why: str) -> IntakeFailed:
    return IntakeFailed(EVENT, why, dispatched.repository.full_name)
