"""The event of a local run: a payload like GitHub's, the given one completed from the directory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import msgspec

from libs.contracts.plan import JsonObject
from libs.repositories import Resolved
from services.cli.outcome import Usage

PAYLOAD_BYTES = 25 * 1024 * 1024
"""What GitHub sends at most."""
LOCAL_REPOSITORY_ID = 1
LOCAL_USER = {"login": "local", "id": 1, "type": "User"}


@dataclass(frozen=True, slots=True)
class Occasion:
    """`names_commit`: somebody named the commit, so that it runs exactly, and not the files as they lie there."""

    event: str
    payload: JsonObject
    names_commit: bool


def read_payload(file: Path | None) -> JsonObject:
    """Raises Usage for what is no JSON object."""
    if file is None:
        return {}
    try:
        if file.stat().st_size > PAYLOAD_BYTES:
            raise Usage(f"--payload {file}: it is larger than the {PAYLOAD_BYTES} bytes that GitHub sends at most")
        return msgspec.json.decode(file.read_bytes(), type=JsonObject)
    except (OSError, msgspec.DecodeError) as error:
        raise Usage(f"--payload {file}: expected a file with a JSON object: {error}") from None


def occasion(event: str, given: Mapping[str, object], head: Resolved, full_name: str) -> Occasion:
    """`head` is the directory's newest commit and its branch, `full_name` what its repository is called unless the
    payload names one; whatever the payload says goes before.
    """
    branch = head.ref.removeprefix("refs/heads/") or "main"
    named = given.get("repository")
    if isinstance(named, dict):
        full_name = str(cast(JsonObject, named).get("full_name", full_name))
    base: JsonObject = {"repository": _repository(full_name, branch), "sender": dict(LOCAL_USER)}
    match event:
        case "pull_request":
            base |= _pull_request(head, branch)
        case "workflow_dispatch":
            base |= {"ref": head.ref or "refs/heads/main", "inputs": {}}
        case _:
            base |= {"ref": head.ref or "refs/heads/main", "after": head.sha}
    return Occasion(event, _merged(base, given), _names_commit(event, given))


def _repository(full_name: str, branch: str) -> JsonObject:
    owner, _, name = full_name.partition("/")
    return {
        "id": LOCAL_REPOSITORY_ID,
        "name": name,
        "full_name": full_name,
        "private": False,
        "owner": {"login": owner, "id": 1, "type": "User"},
        "clone_url": f"https://github.com/{full_name}.git",
        "html_url": f"https://github.com/{full_name}",
        "default_branch": branch,
    }


def _pull_request(head: Resolved, branch: str) -> JsonObject:
    repository: JsonObject = {"id": LOCAL_REPOSITORY_ID}
    pull = {
        "number": 1,
        "title": "A local run",
        "head": {"ref": branch, "sha": head.sha, "repo": repository},
        "base": {"ref": "main", "sha": "", "repo": repository},
    }
    return {"action": "opened", "number": 1, "pull_request": pull}


def _names_commit(event: str, given: Mapping[str, object]) -> bool:
    if event != "pull_request":
        return "after" in given
    pull = given.get("pull_request")
    head = cast(JsonObject, pull).get("head") if isinstance(pull, dict) else None
    return isinstance(head, dict) and "sha" in head


def _merged(base: JsonObject, over: Mapping[str, object]) -> JsonObject:
    """`over`, with what it leaves out."""
    merged: JsonObject = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        if isinstance(value, dict) and isinstance(below, dict):
            merged[key] = _merged(cast(JsonObject, below), cast(JsonObject, value))
        else:
            merged[key] = value
    return merged
