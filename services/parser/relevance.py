"""What an event means: nothing, a commit whose workflows may want it, or one workflow that somebody started by hand.

Pure: it decides which commit runs and whose code it is, and reads neither git nor workflow files. A family of events
has a module of its own; here stand pushes, dispatches, and who is asked about what.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from libs.contracts.plan import Repository
from libs.github.payload import BadPayload, Event, is_no_commit
from libs.repositories import Base
from libs.workflow.events import activity_types
from libs.workflow.triggers import TriggerEvent, skip_instruction
from services.parser import default_branch, pull_requests
from services.parser.meaning import Dispatched, Gone, Irrelevant, Meaning, Relevant, Unusable
from services.parser.trust import trust_of


def meaning_of(event: Event, *, local: bool = False) -> Meaning:
    """`local`: a person made the event up for a run at hand, so that it may be one that GitHub sends to nobody."""
    repository = event.repository
    if event.name == "ping":
        return Irrelevant("a ping: the webhook works", "" if repository is None else repository.full_name)
    if repository is None:
        return Irrelevant(f"`{event.name}` concerns no repository, so there are no workflows to ask")
    if not repository.id:
        return Unusable("repository.id is missing in the payload", repository.full_name)
    if event.name in UNSENT and not local:
        return Irrelevant(UNSENT[event.name], repository.full_name)
    try:
        meaning = _meaning(event.name)(event, repository)
    except BadPayload as error:
        return Unusable(str(error), repository.full_name)
    # A person who asks for `pull_request` does not ask for `pull_request_target` too.
    return replace(meaning, also=None) if local and isinstance(meaning, Relevant) else meaning


UNSENT = {
    "pull_request_target": "`pull_request_target` is no delivery: a `pull_request` starts such workflows",
    "schedule": "`schedule` is no delivery: Firebreak's own clock starts such workflows",
    "workflow_call": "a workflow is called by jobs of other workflows, and by no event",
    "workflow_run": "the run is one of GitHub's Actions; workflows here follow the runs of Firebreak",
}
"""Events of `on:` that come about by ourselves, and what a delivery of that name is worth."""


def _push(event: Event, repository: Repository) -> Meaning:
    """1. What is gone runs nothing. 2. Nor does what asks not to; on the default branch that is heeded once its
    schedules are read. 3. A tag's commit is not always its `after`.
    """
    if event.deleted or is_no_commit(event.after):
        if event.after:
            return Irrelevant(f"the push deleted `{event.ref}`", repository.full_name)
        return Unusable("the push names no commit: `after` is missing", repository.full_name)
    skipped = skip_instruction(event.message)
    if skipped is not None and not is_default_branch(event.ref, repository):
        return Irrelevant(f"the commit message says `{skipped}`", repository.full_name)
    is_tag = event.ref.startswith("refs/tags/")
    return Relevant(
        trigger=TriggerEvent("push", ref=event.ref, message=event.message),
        repository=repository,
        owner_id=event.owner_id,
        sha=event.head_commit if is_tag and event.head_commit else event.after,
        ref=event.ref,
        trust=trust_of(event),
        actor=event.sender,
        payload=event.payload,
        title=event.title,
        base=_push_base(event),
        hints=(event.ref,),
    )


def is_default_branch(ref: str, repository: Repository) -> bool:
    return bool(repository.default_branch) and ref == f"refs/heads/{repository.default_branch}"


def _push_base(event: Event) -> Base | None:
    """A new branch is compared with the parent of the oldest commit that it brought."""
    if not is_no_commit(event.before):
        return Base(event.before)
    return Base(event.oldest_commit, "parent") if event.oldest_commit else None


def _dispatch(event: Event, repository: Repository) -> Meaning:
    if not event.workflow:
        return Unusable("the dispatch names no workflow", repository.full_name)
    return Dispatched(repository, event.workflow, event.ref, event.inputs, event.sender, event.owner_id, event.payload)


def _repository(event: Event, repository: Repository) -> Meaning:
    """One that is deleted or archived has no schedules any more."""
    if event.action in ("deleted", "archived"):
        return Gone(f"the repository is {event.action}: its schedules end", repository)
    return _nothing(event, repository)


def _nothing(event: Event, repository: Repository) -> Meaning:
    return Irrelevant(UNSENT.get(event.name, f"`{event.name}` starts no workflows"), repository.full_name)


Reading = Callable[[Event, Repository], Meaning]
_SPECIAL: dict[str, Reading] = {
    "create": default_branch.create,
    "deployment": default_branch.deployment,
    "deployment_status": default_branch.deployment,
    "image_version": default_branch.image_version,
    "merge_group": pull_requests.group,
    "pull_request": pull_requests.pull_request,
    "pull_request_review": pull_requests.review,
    "pull_request_review_comment": pull_requests.review,
    "pull_request_target": pull_requests.pull_request_target,
    "push": _push,
    "registry_package": default_branch.package,
    "release": default_branch.release,
    "repository": _repository,
    "schedule": default_branch.schedule,
    "workflow_call": _nothing,
    "workflow_dispatch": _dispatch,
    "workflow_run": default_branch.workflow_run,
}


def _meaning(name: str) -> Reading:
    """Of the events that `on:` knows, those without a reading of their own run the default branch."""
    return _SPECIAL.get(name) or (default_branch.on_default_branch if name in activity_types else _nothing)
