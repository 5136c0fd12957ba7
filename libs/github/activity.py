"""What single events bring besides what all have: the commit of a deployment, the tag of a release, who made a check.

As lenient as `payload`: what is missing is empty, and only what is there is checked. Raises BadPayload.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from libs.github.payload import BadPayload, Event, Text, checked_sha, is_ref

BRANCHES, TAGS = "refs/heads/", "refs/tags/"


class Deployment(msgspec.Struct, frozen=True):
    """`ref` is as it was asked for: a branch, a tag or a commit. `state` is of a `deployment_status` only."""

    sha: str = ""
    ref: str = ""
    state: str = ""


class Release(msgspec.Struct, frozen=True):
    tag: str = ""
    draft: bool = False
    title: str = ""


class MergeGroup(msgspec.Struct, frozen=True):
    """`head_ref` and `base_ref` are full refs."""

    head_sha: str = ""
    head_ref: str = ""
    base_sha: str = ""
    base_ref: str = ""
    title: str = ""


class _Deployment(msgspec.Struct):
    sha: Text | None = None
    ref: Text | None = None


class _State(msgspec.Struct):
    state: Text | None = None


class _DeploymentEvent(msgspec.Struct):
    deployment: _Deployment | None = None
    deployment_status: _State | None = None


class _Release(msgspec.Struct):
    tag_name: Text | None = None
    draft: bool | None = None
    name: str | None = None


class _ReleaseEvent(msgspec.Struct):
    release: _Release


class _Message(msgspec.Struct):
    message: str | None = None


class _Group(msgspec.Struct):
    head_sha: Text | None = None
    head_ref: Text | None = None
    base_sha: Text | None = None
    base_ref: Text | None = None
    head_commit: _Message | None = None


class _GroupEvent(msgspec.Struct):
    merge_group: _Group


class _CreateEvent(msgspec.Struct):
    ref: Text | None = None
    ref_type: Text | None = None


class _App(msgspec.Struct):
    slug: Text | None = None


class _Made(msgspec.Struct):
    app: _App | None = None


class _CheckEvent(msgspec.Struct):
    check_run: _Made | None = None
    check_suite: _Made | None = None


class _StatusEvent(msgspec.Struct):
    context: str | None = None


class _Body(msgspec.Struct):
    body: str | None = None


class _CommentEvent(msgspec.Struct):
    comment: _Body | None = None


class _Titled(msgspec.Struct):
    title: str | None = None


class _TitledEvent(msgspec.Struct):
    issue: _Titled | None = None
    discussion: _Titled | None = None


class _Version(msgspec.Struct):
    target_oid: Text | None = None


class _Package(msgspec.Struct):
    package_version: _Version | None = None


class _PackageEvent(msgspec.Struct):
    registry_package: _Package | None = None


class _ScheduleEvent(msgspec.Struct):
    schedule: str | None = None


class _Image(msgspec.Struct):
    name: Text | None = None
    version: Text | None = None


class _ImageEvent(msgspec.Struct):
    image_version: _Image | None = None


class _Run(msgspec.Struct):
    name: str | None = None
    head_branch: str | None = None


class _RunEvent(msgspec.Struct):
    workflow_run: _Run


def deployment(event: Event) -> Deployment:
    given = _read(event, _DeploymentEvent)
    made, status = given.deployment or _Deployment(), given.deployment_status or _State()
    ref = made.ref or ""
    _ref(ref if ref.startswith("refs/") or not ref else BRANCHES + ref, "deployment.ref")
    return Deployment(checked_sha(made.sha or "", "deployment.sha"), ref, status.state or "")


def release(event: Event) -> Release:
    given = _read(event, _ReleaseEvent).release
    _ref(TAGS + given.tag_name if given.tag_name else "", "release.tag_name")
    return Release(given.tag_name or "", given.draft or False, given.name or "")


def merge_group(event: Event) -> MergeGroup:
    given = _read(event, _GroupEvent).merge_group
    return MergeGroup(
        head_sha=checked_sha(given.head_sha or "", "merge_group.head_sha"),
        head_ref=_ref(given.head_ref or "", "merge_group.head_ref"),
        base_sha=checked_sha(given.base_sha or "", "merge_group.base_sha"),
        base_ref=_ref(given.base_ref or "", "merge_group.base_ref"),
        title=(given.head_commit and given.head_commit.message) or "",
    )


def created_ref(event: Event) -> str:
    """The full ref that a `create` is about; its payload has the short name."""
    given = _read(event, _CreateEvent)
    prefix = TAGS if given.ref_type == "tag" else BRANCHES
    ref = given.ref or ""
    return _ref(ref if ref.startswith("refs/") else prefix + ref, "ref")


def app_of(event: Event) -> str:
    """Which App made a check run or a check suite."""
    given = _read(event, _CheckEvent)
    made = given.check_run or given.check_suite or _Made()
    return (made.app and made.app.slug) or ""


def status_context(event: Event) -> str:
    return _read(event, _StatusEvent).context or ""


def comment_body(event: Event) -> str:
    given = _read(event, _CommentEvent)
    return (given.comment and given.comment.body) or ""


def title(event: Event) -> str:
    """Of the issue or discussion that an event is about."""
    given = _read(event, _TitledEvent)
    return ((given.issue or given.discussion or _Titled()).title) or ""


def package_commit(event: Event) -> str:
    """What a package was published from, where the registry knows it."""
    given = _read(event, _PackageEvent).registry_package or _Package()
    found = (given.package_version and given.package_version.target_oid) or ""
    return checked_sha(found, "registry_package.package_version.target_oid")


def schedule_line(event: Event) -> str:
    return _read(event, _ScheduleEvent).schedule or ""


def image_about(event: Event) -> tuple[str, str]:
    """The name and the version that an `image_version` is about."""
    given = _read(event, _ImageEvent).image_version or _Image()
    return given.name or "", given.version or ""


def run_about(event: Event) -> tuple[str, str]:
    """The name of the workflow that a `workflow_run` is about, and its run's head branch."""
    given = _read(event, _RunEvent).workflow_run
    return given.name or "", given.head_branch or ""


_T = TypeVar("_T")


def _read(event: Event, shape: type[_T]) -> _T:
    try:
        return msgspec.convert(event.payload, shape)
    except msgspec.ValidationError as error:
        raise BadPayload(f"the payload of `{event.name}`: {error}") from None


def _ref(ref: str, place: str) -> str:
    if ref and not is_ref(ref):
        raise BadPayload(f"{place}: {ref[:100]!r} is no name of a branch or tag")
    return ref
