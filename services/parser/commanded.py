"""What a command to start workflows means: by hand, by the clock, by a `repository_dispatch` of our own.

The payload of each is what GitHub would have sent, as far as we know it.
"""

from __future__ import annotations

from datetime import datetime

from libs.contracts.commands import (
    TriggerCommand,
    TriggerDispatch,
    TriggerFollowers,
    TriggerSchedule,
    TriggerTrial,
    TriggerWorkflow,
)
from libs.contracts.plan import JsonObject, Repository
from libs.github.payload import Account, is_repository_name
from libs.workflow.triggers import TriggerEvent
from services.parser.meaning import DEFAULT_BRANCH, Dispatched, Irrelevant, Meaning, Relevant, Unusable

EVENTS: dict[type[TriggerCommand], str] = {
    TriggerWorkflow: "workflow_dispatch",
    TriggerSchedule: "schedule",
    TriggerFollowers: "workflow_run",
    TriggerDispatch: "repository_dispatch",
    TriggerTrial: "trial",
}


def event_of(command: TriggerCommand) -> str:
    return EVENTS[type(command)]


LATE_SECONDS = 3600.0
"""After an outage of the parser the slots of the last hour still run, and not those of a whole night at once."""


def meaning_of_command(command: TriggerWorkflow | TriggerSchedule | TriggerDispatch, now: datetime) -> Meaning:
    match command:
        case TriggerWorkflow():
            repository = _named(command)
            if isinstance(repository, Unusable):
                return repository
            return Dispatched(repository, command.workflow, command.ref, command.inputs, Account(command.by))
        case TriggerDispatch():
            return _dispatch(command)
        case TriggerSchedule():
            if (now - command.slot).total_seconds() > LATE_SECONDS:
                why = f"`{command.cron}` of {command.path} was due at {command.slot:%Y-%m-%d %H:%M} UTC: it is too late"
                return Irrelevant(why, command.repository.full_name)
            return _schedule(command)


def repository_payload(repository: Repository, owner_id: int = 0) -> JsonObject:
    return {
        "id": repository.id,
        "name": repository.name,
        "full_name": repository.full_name,
        "private": repository.private,
        "owner": {"login": repository.owner} | ({"id": owner_id} if owner_id else {}),
        "clone_url": repository.clone_url,
        "default_branch": repository.default_branch,
    }


def _named(command: TriggerWorkflow | TriggerDispatch) -> Repository | Unusable:
    owner, _, name = command.repository.partition("/")
    if not (is_repository_name(owner) and is_repository_name(name)):
        return Unusable(f"{command.repository[:100]!r} is no repository: write owner/name")
    return Repository(command.repository_id, owner, name, command.clone_url)


def _schedule(command: TriggerSchedule) -> Relevant:
    """The default branch's newest commit, not the one of the declaration: as on GitHub."""
    payload: JsonObject = {
        "schedule": command.cron,
        "workflow": command.path,
        "repository": repository_payload(command.repository, command.owner_id),
    }
    return Relevant(
        trigger=TriggerEvent("schedule", cron=command.cron),
        repository=command.repository,
        owner_id=command.owner_id,
        sha="",
        ref="",
        at=DEFAULT_BRANCH,
        trust="own",
        actor=Account(command.by),
        payload=payload,
        only=command.path,
    )


def _dispatch(command: TriggerDispatch) -> Meaning:
    repository = _named(command)
    if isinstance(repository, Unusable):
        return repository
    payload: JsonObject = {
        "action": command.event_type,
        "client_payload": command.client_payload,
        "repository": repository_payload(repository),
        "sender": {"login": command.by},
    }
    return Relevant(
        trigger=TriggerEvent("repository_dispatch", action=command.event_type),
        repository=repository,
        owner_id=0,
        sha="",
        ref="",
        at=DEFAULT_BRANCH,
        trust="own",
        actor=Account(command.by),
        payload=payload,
    )
