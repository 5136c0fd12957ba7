"""Payloads are read leniently where they lack things, and refused where what they say cannot be."""

from __future__ import annotations

import json
from typing import Any

import pytest

from libs.github.payload import (
    BadPayload,
    Event,
    PullRequest,
    Side,
    is_no_commit,
    is_ref,
    is_repository_name,
    read_event,
)
from tests.corpus import PAYLOADS, samples

SHA = "6113728f27ae82c7b1a177c8d03f9e96e0adf246"
ZERO = "0" * 40
REPOSITORY = {
    "id": 186853002,
    "name": "Hello-World",
    "full_name": "Codertocat/Hello-World",
    "owner": {"login": "Codertocat", "id": 21031067},
    "clone_url": "https://github.com/Codertocat/Hello-World.git",
    "default_branch": "master",
    "private": False,
}
PUSH: dict[str, Any] = {
    "ref": "refs/heads/master",
    "before": ZERO,
    "after": SHA,
    "created": True,
    "deleted": False,
    "forced": False,
    "head_commit": {"id": SHA, "message": "Adding a .gitignore file"},
    "repository": REPOSITORY,
    "sender": {"login": "Codertocat", "id": 21031067},
}
PULL: dict[str, Any] = {
    "action": "opened",
    "number": 2,
    "pull_request": {
        "number": 2,
        "head": {"ref": "changes", "sha": SHA, "repo": {"id": 5}},
        "base": {"ref": "master", "sha": SHA, "repo": {"id": 186853002}},
    },
    "repository": REPOSITORY,
    "sender": {"login": "Codertocat", "id": 21031067},
}


def read(name: str, payload: object) -> Event:
    return read_event(name, json.dumps(payload).encode())


def test_every_sample_of_github_is_readable() -> None:
    everything = samples()
    assert len(everything) == PAYLOADS
    for name, body in everything:
        event = read_event(name, body)
        assert event.name == name
        assert event.payload == json.loads(body)


def test_a_push() -> None:
    event = read("push", PUSH)
    assert event.repository is not None
    assert (event.repository.full_name, event.repository.id) == ("Codertocat/Hello-World", 186853002)
    assert event.repository.clone_url == REPOSITORY["clone_url"]
    assert (event.ref, event.before, event.after) == ("refs/heads/master", ZERO, SHA)
    assert (event.created, event.deleted, event.forced) == (True, False, False)
    assert event.message == "Adding a .gitignore file"
    assert (event.sender.login, event.owner_id) == ("Codertocat", 21031067)


def test_a_pull_request() -> None:
    event = read("pull_request", PULL)
    assert event.action == "opened"
    assert event.pull_request is not None
    assert event.pull_request.number == 2
    assert event.pull_request.head == Side("changes", SHA, 5)


def test_the_owner_of_an_old_push_has_a_name_and_no_login() -> None:
    old = PUSH | {"repository": REPOSITORY | {"owner": {"name": "Codertocat", "email": "x@example.org"}}}
    event = read("push", old)
    assert event.repository is not None
    assert event.repository.owner == "Codertocat"


def test_a_deleted_fork_has_no_repository() -> None:
    head = PULL["pull_request"]["head"] | {"repo": None}
    event = read("pull_request", PULL | {"pull_request": PULL["pull_request"] | {"head": head}})
    assert event.pull_request is not None
    assert event.pull_request.head.repository_id is None


def test_missing_and_null_fields_are_defaults() -> None:
    event = read("push", {"ref": "refs/tags/v1", "before": ZERO, "after": SHA, "head_commit": None, "sender": None})
    assert event.repository is None
    assert (event.message, event.sender.login, event.created) == ("", "", False)


IMPOSSIBLE: list[tuple[str, Any, str]] = [
    ("push", PUSH | {"ref": 1}, "$.ref"),
    ("push", PUSH | {"ref": "master"}, "ref"),
    ("push", PUSH | {"ref": "--upload-pack=x"}, "ref"),
    ("push", PUSH | {"ref": "refs/heads/a..b"}, "ref"),
    ("push", PUSH | {"ref": "refs/heads/" + "a" * 2000}, "$.ref"),
    ("push", PUSH | {"after": "HEAD"}, "after"),
    ("push", PUSH | {"after": SHA.upper()}, "after"),
    ("push", PUSH | {"before": "-x"}, "before"),
    ("push", PUSH | {"deleted": "no"}, "$.deleted"),
    ("push", PUSH | {"head_commit": "text"}, "$.head_commit"),
    ("push", PUSH | {"head_commit": {"message": 1}}, "$.head_commit.message"),
    ("push", PUSH | {"repository": "text"}, "$.repository"),
    ("push", PUSH | {"repository": REPOSITORY | {"id": "1"}}, "$.repository.id"),
    ("push", PUSH | {"repository": REPOSITORY | {"id": 0}}, "repository.id"),
    ("push", PUSH | {"repository": REPOSITORY | {"id": 2**63}}, "repository.id"),
    ("push", PUSH | {"repository": REPOSITORY | {"name": ".."}}, "repository.name"),
    ("push", PUSH | {"repository": REPOSITORY | {"name": "a/b"}}, "repository.name"),
    ("push", PUSH | {"repository": REPOSITORY | {"name": "a\n"}}, "repository.name"),
    ("push", PUSH | {"repository": REPOSITORY | {"owner": {"login": "."}}}, "repository.owner"),
    ("push", PUSH | {"repository": REPOSITORY | {"clone_url": []}}, "$.repository.clone_url"),
    ("push", PUSH | {"sender": []}, "$.sender"),
    ("pull_request", PULL | {"action": {}}, "$.action"),
    ("pull_request", PULL | {"pull_request": 1}, "$.pull_request"),
    ("pull_request", PULL | {"pull_request": {"number": -1}}, "pull_request.number"),
    ("pull_request", PULL | {"pull_request": {"number": 1, "head": {"sha": "x"}}}, "pull_request.head.sha"),
    ("pull_request", PULL | {"pull_request": {"number": 1, "head": {"ref": "a b"}}}, "ref"),
    ("workflow_dispatch", {"ref": "main"}, "ref"),
    ("workflow_dispatch", {"ref": "refs/heads/main", "inputs": []}, "$.inputs"),
    ("workflow_dispatch", {"ref": "refs/heads/main", "workflow": {}}, "$.workflow"),
]


@pytest.mark.parametrize(("name", "payload", "place"), IMPOSSIBLE)
def test_what_cannot_be_is_refused_at_its_place(name: str, payload: object, place: str) -> None:
    with pytest.raises(BadPayload) as caught:
        read(name, payload)
    assert place in str(caught.value)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"1", b"null", b"\xff", b'{"a":' * 50_000, b'{"a":1e999}'])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(BadPayload):
        read_event("push", body)


def test_deep_nesting_is_refused() -> None:
    body = b'{"a":' * 100 + b"1" + b"}" * 100
    with pytest.raises(BadPayload, match="nested deeper"):
        read_event("ping", body)


def test_an_object_under_a_name_that_another_event_uses_for_text_is_fine() -> None:
    event = read("workflow_run", {"action": "completed", "workflow": {"path": "x"}, "repository": REPOSITORY})
    assert event.repository is not None


@pytest.mark.parametrize("text", ["Hello-World", "a", "a.b", ".github", "_", "a" * 100])
def test_repository_names(text: str) -> None:
    assert is_repository_name(text)


@pytest.mark.parametrize("text", ["", ".", "..", "a/b", "a b", "a\n", "é", "a" * 101, "a~b", "*"])
def test_no_repository_names(text: str) -> None:
    assert not is_repository_name(text)


@pytest.mark.parametrize(
    "ref", ["refs/heads/main", "refs/tags/v1.0", "refs/heads/a/b-c_d", "refs/pull/1/merge", "refs/heads/é"]
)
def test_refs(ref: str) -> None:
    assert is_ref(ref)


@pytest.mark.parametrize(
    "ref",
    ["", "main", "-x", "refs/"]
    + [
        "refs/heads/" + name
        for name in ("a b", "a..b", "a:b", "a^", "a~1", "a*", "a?", "[a", "a\\b", "a@{1}", "/a", "a/")
    ]
    + ["refs/heads/" + name for name in ("a.", ".a", "a.lock", "a.lock/b", "a\n", "a\x00", "a\x7f", "")],
)
def test_no_refs(ref: str) -> None:
    assert not is_ref(ref)


def test_a_payload_that_a_person_wrote_may_be_short() -> None:
    event = read("push", {"ref": "refs/heads/main", "repository": {"full_name": "octo-org/app"}})
    assert event.repository is not None
    assert (event.repository.full_name, event.repository.id) == ("octo-org/app", 0)
    assert (event.before, event.after) == ("", "")
    assert read("pull_request", {"number": 7, "pull_request": {}}).pull_request == PullRequest(7, Side(), Side())


def test_zeros_are_no_commit() -> None:
    assert is_no_commit(ZERO)
    assert is_no_commit("")
    assert not is_no_commit(SHA)
