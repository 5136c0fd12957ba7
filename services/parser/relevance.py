"""What an event means: nothing, a commit whose workflows may want it, or one workflow that somebody started by hand.

Pure: it decides which commit runs and whose code it is, and reads neither git nor workflow files. A pull request runs
its head commit, the one that its payload fixes (docs/decisions: "A pull request runs its head commit").
"""

from __future__ import annotations

import msgspec

from libs.contracts.commands import TriggerWorkflow
from libs.contracts.plan import JsonObject, Repository, Trust
from libs.github.payload import Account, Event, is_no_commit, is_repository_name
from libs.repositories import Base
from libs.workflow.events import activity_types
from libs.workflow.triggers import TriggerEvent, skip_instruction

DEPENDABOT = "dependabot[bot]"
"""GitHub runs what it pushes like a fork's code: its changes are other people's releases."""


class Irrelevant(msgspec.Struct, frozen=True):
    """Nothing runs, and that is right."""

    why: str
    repository: str = ""


class Unusable(msgspec.Struct, frozen=True):
    """It should have meant something, and cannot be understood."""

    why: str
    repository: str = ""


class Relevant(msgspec.Struct, frozen=True):
    """`trigger` is what `on:` is asked about, still without changed paths. `hints` are refs that the commit may be
    behind. The message of a pull request's commit is not in its payload: `message_known` says whether to read it.
    """

    trigger: TriggerEvent
    repository: Repository
    owner_id: int
    sha: str
    ref: str
    trust: Trust
    actor: Account
    payload: JsonObject
    title: str = ""
    base: Base | None = None
    base_ref: str = ""
    head_ref: str = ""
    pull_request: int | None = None
    hints: tuple[str, ...] = ()
    message_known: bool = True


class Dispatched(msgspec.Struct, frozen=True):
    """One workflow, started by hand: a path or a file's name, at a ref that is still to be looked up."""

    repository: Repository
    workflow: str
    ref: str
    inputs: JsonObject
    actor: Account
    owner_id: int = 0
    payload: JsonObject | None = None


Meaning = Irrelevant | Unusable | Relevant | Dispatched


def meaning_of(event: Event) -> Meaning:
    repository = event.repository
    if event.name == "ping":
        return Irrelevant("a ping: the webhook works", "" if repository is None else repository.full_name)
    if repository is None:
        return Irrelevant(f"`{event.name}` concerns no repository, so there are no workflows to ask")
    if not repository.id:
        return Unusable("repository.id is missing in the payload", repository.full_name)
    match event.name:
        case "push":
            return _push(event, repository)
        case "pull_request":
            return _pull_request(event, repository)
        case "workflow_dispatch":
            return _dispatch(event, repository)
        case _:
            return Irrelevant(_unsupported(event.name), repository.full_name)


def meaning_of_command(command: TriggerWorkflow) -> Dispatched | Unusable:
    owner, _, name = command.repository.partition("/")
    if not (is_repository_name(owner) and is_repository_name(name)):
        return Unusable(f"{command.repository[:100]!r} is no repository: write owner/name")
    repository = Repository(command.repository_id, owner, name, command.clone_url)
    return Dispatched(repository, command.workflow, command.ref, command.inputs, Account(command.by))


def _push(event: Event, repository: Repository) -> Meaning:
    """1. What is gone runs nothing. 2. Nor does what asks not to. 3. A tag's commit is not always its `after`."""
    if event.deleted or is_no_commit(event.after):
        if event.after:
            return Irrelevant(f"the push deleted `{event.ref}`", repository.full_name)
        return Unusable("the push names no commit: `after` is missing", repository.full_name)
    skipped = skip_instruction(event.message)
    if skipped is not None:
        return Irrelevant(f"the commit message says `{skipped}`", repository.full_name)
    is_tag = event.ref.startswith("refs/tags/")
    return Relevant(
        trigger=TriggerEvent("push", ref=event.ref, message=event.message),
        repository=repository,
        owner_id=event.owner_id,
        sha=event.head_commit if is_tag and event.head_commit else event.after,
        ref=event.ref,
        trust="fork" if event.sender.login == DEPENDABOT else "own",
        actor=event.sender,
        payload=event.payload,
        title=event.title,
        base=_push_base(event),
        hints=(event.ref,),
    )


def _push_base(event: Event) -> Base | None:
    """A new branch is compared with the parent of the oldest commit that it brought."""
    if not is_no_commit(event.before):
        return Base(event.before)
    return Base(event.oldest_commit, "parent") if event.oldest_commit else None


def _pull_request(event: Event, repository: Repository) -> Meaning:
    pull = event.pull_request
    if pull is None or not pull.head.sha:
        return Unusable("the pull request names no commit: `pull_request.head.sha` is missing", repository.full_name)
    is_own = pull.head.repository_id == repository.id and event.sender.login != DEPENDABOT
    return Relevant(
        trigger=TriggerEvent("pull_request", action=event.action, base=pull.base.ref),
        repository=repository,
        owner_id=event.owner_id,
        sha=pull.head.sha,
        ref=f"refs/pull/{pull.number}/merge",
        trust="own" if is_own else "fork",
        actor=event.sender,
        payload=event.payload,
        title=event.title,
        base=Base(pull.base.sha, "merge-base") if pull.base.sha else None,
        base_ref=pull.base.ref,
        head_ref=pull.head.ref,
        pull_request=pull.number,
        hints=(f"refs/pull/{pull.number}/head",),
        message_known=False,
    )


def _dispatch(event: Event, repository: Repository) -> Meaning:
    if not event.workflow:
        return Unusable("the dispatch names no workflow", repository.full_name)
    return Dispatched(repository, event.workflow, event.ref, event.inputs, event.sender, event.owner_id, event.payload)


def _unsupported(name: str) -> str:
    if name in activity_types:
        return f"`{name}` can start workflows on GitHub; Firebreak does not run workflows for it yet"
    return f"`{name}` starts no workflows"
