"""The event of a local run: a payload like GitHub's, the given one completed from the directory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import msgspec

from libs.contracts.plan import JsonObject
from libs.repositories import Resolved
from services.cli.local.payloads import Here, payload_of
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
    repository = _repository(full_name, branch)
    base: JsonObject = {"repository": repository, "sender": dict(LOCAL_USER)}
    base |= payload_of(event, Here(head, branch, repository))
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


_COMMITS: dict[str, tuple[str, ...]] = {
    "deployment": ("deployment", "sha"),
    "deployment_status": ("deployment", "sha"),
    "merge_group": ("merge_group", "head_sha"),
    "pull_request": ("pull_request", "head", "sha"),
    "pull_request_review": ("pull_request", "head", "sha"),
    "pull_request_review_comment": ("pull_request", "head", "sha"),
    "push": ("after",),
}
"""Where a payload names the commit that runs; other events run the newest."""


def _names_commit(event: str, given: Mapping[str, object]) -> bool:
    fields: Mapping[str, object] = given
    for key in _COMMITS.get(event, ()):
        if key not in fields:
            return False
        value = fields[key]
        fields = cast(JsonObject, value) if isinstance(value, dict) else {}
    return event in _COMMITS


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
