"""What events mean that name no commit of their own: most run the default branch, some a branch, a tag or a deployment.

Which commit each runs is GitHub's table ("Events that trigger workflows": `GITHUB_SHA`, `GITHUB_REF`).
"""

from __future__ import annotations

from msgspec.structs import replace

from libs.contracts.ids import is_commit_sha
from libs.contracts.plan import Repository
from libs.github import activity
from libs.github.payload import Event
from libs.workflow.triggers import TriggerEvent
from services.parser.meaning import DEFAULT_BRANCH, Irrelevant, Meaning, Relevant, Unusable
from services.parser.trust import trust_of

OURS = "firebreak"
"""How the contexts of our commit statuses begin, and, in a comment mark, our comments on pull requests: what they set
off would set them off again."""
ACTIONS_APP = "github-actions"


def on_default_branch(event: Event, repository: Repository) -> Meaning:
    own = _by_ourselves(event)
    if own:
        return Irrelevant(own, repository.full_name)
    return _at(event, repository, DEFAULT_BRANCH, activity.title(event))


def create(event: Event, repository: Repository) -> Meaning:
    """The newest commit of what was created."""
    return _at(event, repository, activity.created_ref(event))


def deployment(event: Event, repository: Repository) -> Meaning:
    """The commit to be deployed. A deployment of a bare commit has no ref."""
    given = activity.deployment(event)
    if not given.sha:
        return Unusable("the deployment names no commit: `deployment.sha` is missing", repository.full_name)
    if given.state == "inactive":
        return Irrelevant("the deployment became inactive, and that starts no workflows", repository.full_name)
    return Relevant(
        trigger=TriggerEvent(event.name, action=event.action),
        repository=repository,
        owner_id=event.owner_id,
        sha=given.sha,
        ref=given.ref if given.ref.startswith("refs/") else "",
        at="" if is_commit_sha(given.ref) or given.ref.startswith("refs/") else given.ref,
        trust=trust_of(event),
        actor=event.sender,
        payload=event.payload,
    )


def release(event: Event, repository: Repository) -> Meaning:
    """The commit of its tag. A draft has no tag yet, and starts nothing."""
    given = activity.release(event)
    if given.draft and event.action in ("created", "edited", "deleted"):
        return Irrelevant(
            f"the release is a draft, and `{event.action}` of one starts no workflows", repository.full_name
        )
    if not given.tag:
        return Unusable("the release names no tag: `release.tag_name` is missing", repository.full_name)
    return _at(event, repository, f"{activity.TAGS}{given.tag}", given.title)


def package(event: Event, repository: Repository) -> Meaning:
    """The commit that it was published from, where that is known, else the default branch."""
    sha = activity.package_commit(event)
    return replace(_at(event, repository, DEFAULT_BRANCH), sha=sha)


def schedule(event: Event, repository: Repository) -> Meaning:
    """GitHub sends no delivery of this name: a local run asks for it, the scheduler sends a command."""
    return _at(event, repository, DEFAULT_BRANCH, cron=activity.schedule_line(event))


def workflow_run(event: Event, repository: Repository) -> Meaning:
    """Only of a run of ours: those of GitHub's own Actions are sent too, and concern workflows that run there."""
    workflow, branch = activity.run_about(event)
    return _at(event, repository, DEFAULT_BRANCH, workflow=workflow, branch=branch)


def image_version(event: Event, repository: Repository) -> Meaning:
    found = _at(event, repository, DEFAULT_BRANCH)
    image, version = activity.image_about(event)
    return replace(found, trigger=replace(found.trigger, image=image, version=version))


def _at(
    event: Event,
    repository: Repository,
    at: str,
    title: str = "",
    *,
    cron: str = "",
    workflow: str = "",
    branch: str = "",
) -> Relevant:
    return Relevant(
        trigger=TriggerEvent(event.name, action=event.action, cron=cron, workflow=workflow, branch=branch),
        repository=repository,
        owner_id=event.owner_id,
        sha="",
        ref="",
        at=at,
        trust="own" if at == DEFAULT_BRANCH else trust_of(event),
        actor=event.sender,
        payload=event.payload,
        title=title,
    )


def _by_ourselves(event: Event) -> str:
    """Why an event starts nothing that GitHub's Actions or we set off, so that no run brings about itself."""
    match event.name:
        case "check_run" | "check_suite" if activity.app_of(event) == ACTIONS_APP:
            return f"the `{event.name}` is one of GitHub's Actions, and such start no workflows"
        case "status" if activity.status_context(event).startswith(f"{OURS} / "):
            return "the commit status is Firebreak's own, and such start no workflows"
        case "issue_comment" if activity.comment_body(event).startswith(f"<!-- {OURS}:"):
            return "the comment is Firebreak's own, and such start no workflows"
        case _:
            return ""
