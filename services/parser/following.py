"""What it means that a run of ours was requested, began or is over: the `workflow_run` event, made from the run's log.

The workflow that follows runs the default branch's code with its secrets, whoever's code the first one ran.
Source: GitHub's documentation, "Events that trigger workflows" (`workflow_run`), "Webhook events and payloads".
"""

from __future__ import annotations

import hashlib
from typing import cast

import msgspec

from libs.blobs.port import Blobs
from libs.bus.port import Bus, Stored
from libs.contracts import subjects
from libs.contracts.commands import TriggerFollowers
from libs.contracts.envelope import Commit, decode_commit, type_of
from libs.contracts.plan import JsonObject, Plan
from libs.contracts.results import GITHUB
from libs.contracts.run import RunFinished
from libs.contracts.schedules import SchedulesDeclared
from libs.github.payload import Account
from libs.workflow.triggers import TriggerEvent
from services.parser.commanded import repository_payload
from services.parser.context import ref_name
from services.parser.former_runs import former_run
from services.parser.meaning import DEFAULT_BRANCH, Irrelevant, Meaning, Relevant, Unusable

MAX_CHAIN = 3
"""GitHub's bound on runs that follow runs that follow a run: a circle of workflows ends."""


async def meaning_of_following(command: TriggerFollowers, bus: Bus, blobs: Blobs) -> Meaning:
    repository = command.repository
    commits, plan = await former_run(repository, command.run_id, bus, blobs)
    if plan is None:
        return Unusable(f"the run {command.run_id} that is to be followed is not in the log", repository.full_name)
    if plan.trial:
        why = f"run {command.run_id} is a trial of a model's proposal: nothing follows one"
        return Irrelevant(why, repository.full_name)
    if plan.chain >= MAX_CHAIN:
        why = f"run {command.run_id} follows {plan.chain} others in a row, and no more than {MAX_CHAIN} may"
        return Irrelevant(why, repository.full_name)
    if not await _is_awaited(bus, plan):
        why = f"no workflow of the default branch follows `{plan.workflow_name}`"
        return Irrelevant(why, repository.full_name)
    return _relevant(command, plan, _payload(command, plan, commits))


async def _is_awaited(bus: Bus, plan: Plan) -> bool:
    """By what was declared last: most runs are followed by nobody, and need no look at the repository."""
    last: Stored | None = await bus.last(subjects.schedules(plan.repository.id))
    if last is None:
        return False
    declared = msgspec.json.decode(decode_commit(last.data).events[-1], type=SchedulesDeclared)
    return any(not each.workflows or plan.workflow_name in each.workflows for each in declared.follows)


def _relevant(command: TriggerFollowers, plan: Plan, payload: JsonObject) -> Relevant:
    actor_id = plan.github.get("actor_id")
    return Relevant(
        trigger=TriggerEvent(
            "workflow_run", action=command.action, workflow=plan.workflow_name, branch=_head_branch(plan)
        ),
        repository=command.repository,
        owner_id=command.owner_id,
        sha="",
        ref="",
        at=DEFAULT_BRANCH,
        trust="own",
        actor=Account(plan.actor, int(actor_id) if isinstance(actor_id, str) and actor_id.isdigit() else 0),
        payload=payload,
        chain=plan.chain + 1,
    )


def _payload(command: TriggerFollowers, plan: Plan, commits: list[Commit]) -> JsonObject:
    event = plan.github.get("event")
    given = cast(JsonObject, event).get("repository") if isinstance(event, dict) else None
    made = repository_payload(command.repository, command.owner_id)
    repository = cast(JsonObject, given) if isinstance(given, dict) else made
    return {
        "action": command.action,
        "workflow_run": _run(command, plan, commits, repository),
        "workflow": {
            "id": _workflow_id(plan),
            "name": plan.workflow_name,
            "path": plan.workflow_path,
            "state": "active",
        },
        "repository": repository,
        "sender": {"login": plan.actor},
    }


def _run(command: TriggerFollowers, plan: Plan, commits: list[Commit], repository: JsonObject) -> JsonObject:
    """`status` and `conclusion` are of the run attempt in question, in GitHub's words."""
    finish = _finish(commits, command.run_attempt) if command.action == "completed" else None
    head, actor = _pull_request(plan), {"login": plan.actor}
    head_sha = head.get("sha") or plan.sha  # of a pull request always its head's, whatever commit ran
    return {
        "id": plan.run_id,
        "name": plan.workflow_name,
        "display_title": plan.run_name,
        "head_branch": _head_branch(plan),
        "head_sha": head_sha,
        "head_commit": {"id": head_sha, "message": plan.run_name},
        "path": plan.workflow_path,
        "run_number": plan.run_number,
        "run_attempt": command.run_attempt,
        "event": plan.event,
        "status": {"requested": "queued"}.get(command.action, command.action),
        "conclusion": None if finish is None else _conclusion(finish),
        "workflow_id": _workflow_id(plan),
        "pull_requests": _pull_requests(plan, head),
        "created_at": _time(commits[0]),
        "updated_at": _time(commits[-1]),
        "actor": actor,
        "triggering_actor": actor,
        "repository": repository,
        "head_repository": head.get("repo") if head else repository,
    }


def _conclusion(finish: RunFinished) -> str:
    """A run over its time is `timed_out` here, and `cancelled` only in what expressions see of its jobs."""
    return "timed_out" if finish.conclusion == "timeout" else GITHUB[finish.conclusion]


def _finish(commits: list[Commit], run_attempt: int) -> RunFinished | None:
    for commit in commits:
        for raw in commit.events:
            if type_of(raw) == "RunFinished":
                finish = msgspec.json.decode(raw, type=RunFinished)
                if finish.run_attempt == run_attempt:
                    return finish
    return None


def _pull_request(plan: Plan) -> JsonObject:
    """`pull_request.head` of the event, where it has one."""
    event = plan.github.get("event")
    pull = cast(JsonObject, event).get("pull_request") if isinstance(event, dict) else None
    head = cast(JsonObject, pull).get("head") if isinstance(pull, dict) else None
    return cast(JsonObject, head) if isinstance(head, dict) else {}


def _pull_requests(plan: Plan, head: JsonObject) -> list[JsonObject]:
    """As on GitHub none for one from a fork."""
    if plan.pull_request is None or plan.trust == "fork":
        return []
    base = {"ref": plan.github.get("base_ref")}
    return [{"number": plan.pull_request, "head": {"ref": head.get("ref"), "sha": head.get("sha")}, "base": base}]


def _head_branch(plan: Plan) -> str:
    head = plan.github.get("head_ref")
    return head if isinstance(head, str) and head else ref_name(plan.ref)


def _workflow_id(plan: Plan) -> int:
    """The same for all runs of a file; 53 bits, as scripts read it as a number."""
    digest = hashlib.sha256(f"{plan.repository.id}\n{plan.workflow_path}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 11


def _time(commit: Commit) -> str:
    return commit.time.isoformat().replace("+00:00", "Z")
