"""A webhook's payload, read leniently: the few fields that planning needs, whatever else there is or is not.

Real payloads lack fields that the documentation promises, so all are optional here, and only what is there is checked.
Names, refs and commits become folders, arguments and subjects later: what could not be one is refused in this module.
What an event means for the workflows is the parser's affair.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, cast

import msgspec

from libs.contracts.ids import RepositoryId, is_commit_sha
from libs.contracts.plan import JsonObject, Repository

MAX_TEXT = 1024
"""Refs, branches and addresses: git and GitHub allow 255 bytes or little more."""
MAX_DEPTH = 64
"""Nesting of a payload; GitHub's own have 8 levels. What is deeper overflows the stack of whoever writes it."""
NO_COMMIT = re.compile(r"0+\Z")
"""A branch that is new, or gone, has only zeros on that side of a push."""

_name = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9_.-]{1,100}\Z")
_ref = re.compile(r"refs/(?!.*(?:\.\.|//|@\{|/\.|\.lock(?:/|\Z)))[^\x00-\x20\x7f~^:?*\[\\]{1,1000}(?<![./])\Z")


class BadPayload(Exception):
    """A field has a type or a value that it cannot have; the message names its place."""


class Account(msgspec.Struct, frozen=True):
    """Who did it."""

    login: str = ""
    id: int = 0


class Side(msgspec.Struct, frozen=True):
    """One side of a pull request; `repository_id` is None where the fork was deleted."""

    ref: str = ""
    sha: str = ""
    repository_id: int | None = None


class PullRequest(msgspec.Struct, frozen=True):
    """`merge_commit` is what a merged one became on its base branch, empty for one that is not merged."""

    number: int
    head: Side
    base: Side
    merge_commit: str = ""


class Event(msgspec.Struct, frozen=True):
    """`payload` is everything, for `github.event`. `ref`, `before` and `after` are as sent ('' where there is none).

    `ref` is the full ref of a push or dispatch. `head_commit` is what a push ends at: for an annotated tag, `after` is
    the tag's own object. `oldest_commit` is the first one that a push brought.
    """

    name: str
    payload: JsonObject
    action: str | None = None
    repository: Repository | None = None
    html_url: str = ""
    owner_id: int = 0
    sender: Account = Account()
    ref: str = ""
    before: str = ""
    after: str = ""
    created: bool = False
    deleted: bool = False
    forced: bool = False
    head_commit: str = ""
    oldest_commit: str = ""
    message: str = ""
    title: str = ""
    pull_request: PullRequest | None = None
    workflow: str = ""
    inputs: JsonObject = {}


def read_event(name: str, body: bytes) -> Event:
    """The event of this name with this JSON. Raises BadPayload."""
    try:
        payload = msgspec.json.decode(body, type=dict[str, object])
        if _is_deeper(payload, MAX_DEPTH):
            raise BadPayload(f"the payload of `{name}` is nested deeper than {MAX_DEPTH} levels")
        return _event(name, payload)
    except msgspec.ValidationError as error:
        raise BadPayload(f"the payload of `{name}`: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadPayload(f"the payload of `{name}` is no JSON object: {error}") from None


Text = Annotated[str, msgspec.Meta(max_length=MAX_TEXT)]


class _Account(msgspec.Struct):
    login: Text | None = None
    name: Text | None = None
    id: int | None = None


class _Repository(msgspec.Struct):
    id: int | None = None
    name: Text | None = None
    full_name: Text | None = None
    owner: _Account | None = None
    clone_url: Text | None = None
    html_url: Text | None = None
    default_branch: Text | None = None
    private: bool | None = None


class _Side(msgspec.Struct):
    ref: Text | None = None
    sha: Text | None = None
    repo: _Repository | None = None


class _PullRequest(msgspec.Struct):
    number: int | None = None
    title: str | None = None
    head: _Side | None = None
    base: _Side | None = None
    merged: bool | None = None
    merge_commit_sha: Text | None = None


class _Commit(msgspec.Struct):
    id: Text | None = None
    message: str | None = None


class _Payload(msgspec.Struct):
    """What every event may have. Other fields differ in meaning from event to event, so each has its own below."""

    action: Text | None = None
    repository: _Repository | None = None
    sender: _Account | None = None


class _Push(msgspec.Struct):
    ref: Text = ""
    before: Text | None = None
    after: Text | None = None
    created: bool | None = None
    deleted: bool | None = None
    forced: bool | None = None
    head_commit: _Commit | None = None
    commits: list[_Commit] | None = None


class _PullRequestEvent(msgspec.Struct):
    pull_request: _PullRequest
    number: int | None = None


class _Dispatch(msgspec.Struct):
    ref: Text = ""
    workflow: Text = ""
    inputs: dict[str, object] | None = None


def _event(name: str, payload: JsonObject) -> Event:
    wire = msgspec.convert(payload, _Payload)
    repository, sender = wire.repository or _Repository(), wire.sender or _Account()
    event = Event(
        name=name,
        payload=payload,
        action=wire.action,
        repository=None if wire.repository is None else _repository(wire.repository),
        html_url=repository.html_url or "",
        owner_id=(repository.owner and repository.owner.id) or 0,
        sender=Account(sender.login or "", sender.id or 0),
    )
    match name:
        case "push":
            return _push(event, msgspec.convert(payload, _Push))
        case "pull_request" | "pull_request_target" | "pull_request_review" | "pull_request_review_comment":
            given = msgspec.convert(payload, _PullRequestEvent)
            title = given.pull_request.title or ""
            return msgspec.structs.replace(event, pull_request=_pull_request(given), title=title)
        case "workflow_dispatch":
            return _dispatch(event, msgspec.convert(payload, _Dispatch))
        case _:
            return event


def _push(event: Event, given: _Push) -> Event:
    head = given.head_commit or _Commit()
    oldest = given.commits[0] if given.commits else _Commit()
    return msgspec.structs.replace(
        event,
        ref=_checked_ref(given.ref),
        before=checked_sha(given.before or "", "before"),
        after=checked_sha(given.after or head.id or "", "after"),
        head_commit=checked_sha(head.id or "", "head_commit.id"),
        oldest_commit=checked_sha(oldest.id or "", "commits[0].id"),
        created=given.created or False,
        deleted=given.deleted or False,
        forced=given.forced or False,
        message=head.message or "",
        title=head.message or "",
    )


def _pull_request(given: _PullRequestEvent) -> PullRequest:
    number = given.pull_request.number or given.number
    if not number or not 0 < number < 2**53:
        raise BadPayload("pull_request.number: expected a whole number from 1")
    pull = given.pull_request
    merge_commit = checked_sha(pull.merge_commit_sha or "", "pull_request.merge_commit_sha") if pull.merged else ""
    return PullRequest(number, _side(pull.head, "head"), _side(pull.base, "base"), merge_commit)


def _side(given: _Side | None, which: str) -> Side:
    if given is None:
        return Side()
    sha = checked_sha(given.sha or "", f"pull_request.{which}.sha")
    if given.ref:
        _checked_ref(f"refs/heads/{given.ref}")
    return Side(given.ref or "", sha, None if given.repo is None else given.repo.id)


def _dispatch(event: Event, given: _Dispatch) -> Event:
    ref = _checked_ref(given.ref)
    return msgspec.structs.replace(event, ref=ref, workflow=given.workflow, inputs=given.inputs or {})


def _repository(given: _Repository) -> Repository | None:
    """GitHub names an owner by `login`, in old pushes by `name`; `full_name` holds both names always.

    The id is 0 where none was sent: a payload that a person wrote for a local run has no need of one.
    """
    owner = (given.owner and (given.owner.login or given.owner.name)) or (given.full_name or "").partition("/")[0]
    name = given.name or (given.full_name or "").partition("/")[2]
    if not owner and not name and given.id is None:
        return None
    if given.id is not None and not 0 < given.id < 2**63:
        raise BadPayload("repository.id: expected a whole number from 1")
    for part, text in (("owner", owner), ("name", name)):
        if not is_repository_name(text):
            raise BadPayload(f"repository.{part}: {text[:100]!r} is no name that GitHub gives")
    return Repository(
        id=RepositoryId(given.id or 0),
        owner=owner,
        name=name,
        clone_url=given.clone_url or "",
        default_branch=given.default_branch or "",
        private=given.private or False,
    )


def is_repository_name(text: str) -> bool:
    """Letters, digits, `.`, `-`, `_`, and neither `.` nor `..`: it becomes a folder and a subject."""
    return bool(_name.match(text))


def is_ref(text: str) -> bool:
    """A full ref by git's rules (`git check-ref-format`), with nothing in it that git could take for anything else."""
    return bool(_ref.match(text))


def is_no_commit(sha: str) -> bool:
    """Zeros, or nothing: the side of a push on which the ref does not exist."""
    return not sha or bool(NO_COMMIT.match(sha))


def _checked_ref(ref: str) -> str:
    if not is_ref(ref):
        raise BadPayload(f"ref: {ref[:100]!r} is no full ref such as refs/heads/main")
    return ref


def checked_sha(sha: str, place: str) -> str:
    """'' where none was sent: who needs a commit says so."""
    if sha and not is_commit_sha(sha):
        raise BadPayload(f"{place}: {sha[:100]!r} is no commit (40 hexadecimal digits)")
    return sha


def _children(node: object) -> Iterable[object]:
    if isinstance(node, dict):
        return cast(dict[str, object], node).values()
    return cast(list[object], node) if isinstance(node, list) else ()


def _is_deeper(value: object, levels: int) -> bool:
    """Walks level by level: no recursion, so that the depth that it looks for cannot hurt it."""
    level: list[object] = [value]
    for _ in range(levels):
        level = [child for node in level for child in _children(node)]
        if not level:
            return False
    return True
