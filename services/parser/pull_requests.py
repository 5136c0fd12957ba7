"""What events around a pull request mean. Such a run is of its head commit, the one that its payload fixes
(docs/decisions: "A pull request runs its head commit"); only `pull_request_target` runs the default branch's code.
"""

from __future__ import annotations

from msgspec.structs import replace

from libs.contracts.plan import Repository
from libs.github.activity import merge_group
from libs.github.payload import Event, PullRequest
from libs.repositories import Base
from libs.workflow.triggers import TriggerEvent
from services.parser.meaning import DEFAULT_BRANCH, Meaning, Relevant, Unusable
from services.parser.trust import is_dependabot


def pull_request(event: Event, repository: Repository) -> Meaning:
    """One delivery, two events of `on:`."""
    pull = event.pull_request
    if pull is None or not pull.head.sha:
        return _without_commit(repository)
    proper = _of_head(event, repository, pull)
    return replace(proper, also=_target(event, repository, pull))


def pull_request_target(event: Event, repository: Repository) -> Meaning:
    """GitHub sends no delivery of this name: a local run asks for it."""
    pull = event.pull_request
    return _without_commit(repository) if pull is None else _target(event, repository, pull)


def review(event: Event, repository: Repository) -> Meaning:
    """A review or a comment in one: no filter of paths, no instruction to skip, and no `base_ref`, as on GitHub."""
    pull = event.pull_request
    if pull is None or not pull.head.sha:
        return _without_commit(repository)
    return replace(
        _of_head(event, repository, pull),
        trigger=TriggerEvent(event.name, action=event.action),
        base=None,
        base_ref="",
        head_ref="",
        message_known=True,
    )


def group(event: Event, repository: Repository) -> Meaning:
    """Several pull requests as they will be merged: approved and queued by people who may merge, so it is our code."""
    merge = merge_group(event)
    if not merge.head_sha:
        return Unusable("the merge group names no commit: `merge_group.head_sha` is missing", repository.full_name)
    return Relevant(
        trigger=TriggerEvent(
            event.name, action=event.action, ref=merge.head_ref, base=merge.base_ref.removeprefix("refs/heads/")
        ),
        repository=repository,
        owner_id=event.owner_id,
        sha=merge.head_sha,
        ref=merge.head_ref,
        trust="own",
        actor=event.sender,
        payload=event.payload,
        title=merge.title,
        base=Base(merge.base_sha) if merge.base_sha else None,
        hints=(merge.head_ref,) if merge.head_ref else (),
    )


def _of_head(event: Event, repository: Repository, pull: PullRequest) -> Relevant:
    """A merged one is what it became on its base branch: that commit is final, and the branch may be gone."""
    is_own = pull.head.repository_id == repository.id and not is_dependabot(event)
    merged = event.action == "closed" and bool(pull.merge_commit)
    base_branch = f"refs/heads/{pull.base.ref}"
    return Relevant(
        trigger=TriggerEvent("pull_request", action=event.action, base=pull.base.ref),
        repository=repository,
        owner_id=event.owner_id,
        sha=pull.merge_commit if merged else pull.head.sha,
        ref=base_branch if merged else f"refs/pull/{pull.number}/merge",
        trust="own" if is_own else "fork",
        actor=event.sender,
        payload=event.payload,
        title=event.title,
        base=Base(pull.base.sha, "merge-base") if pull.base.sha else None,
        base_ref=pull.base.ref,
        head_ref=pull.head.ref,
        pull_request=pull.number,
        hints=(base_branch,) if merged else (f"refs/pull/{pull.number}/head",),
        message_known=False,
        compared=pull.head.sha if merged else "",
    )


def _target(event: Event, repository: Repository, pull: PullRequest) -> Relevant:
    """The default branch's newest commit, whatever the pull request goes into: its own code, with its own secrets.

    A workflow that fetches the head of the pull request and runs it does so at its own risk, as on GitHub.
    """
    return Relevant(
        trigger=TriggerEvent("pull_request_target", action=event.action, base=pull.base.ref),
        repository=repository,
        owner_id=event.owner_id,
        sha="",
        ref="",
        at=DEFAULT_BRANCH,
        trust="own",
        actor=event.sender,
        payload=event.payload,
        title=event.title,
        base=Base(pull.base.sha, "merge-base") if pull.base.sha else None,
        base_ref=pull.base.ref,
        head_ref=pull.head.ref,
        pull_request=pull.number,
        compared=pull.head.sha,
    )


def _without_commit(repository: Repository) -> Unusable:
    return Unusable("the pull request names no commit: `pull_request.head.sha` is missing", repository.full_name)
