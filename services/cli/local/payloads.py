"""A payload of every event that `on:` may name, as GitHub would send it for the directory at hand: only the fields that
say what is about, for whoever wants more brings a file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from libs.contracts.plan import JsonObject
from libs.repositories import Resolved
from libs.workflow.events import activity_types

COMMON_ACTIVITIES = ("opened", "completed", "published", "submitted", "created", "checks_requested")
"""What one means who names none: the first of these that the event has, else its first."""


@dataclass(frozen=True, slots=True)
class Here:
    """`head` is the directory's newest commit and its full ref, `branch` the short name of its branch, `repository`
    as it stands in payloads.
    """

    head: Resolved
    branch: str
    repository: JsonObject

    @property
    def ref(self) -> str:
        return self.head.ref or f"refs/heads/{self.branch}"


def payload_of(event: str, here: Here) -> JsonObject:
    """Without `repository` and `sender`, which all have."""
    about = _ABOUT.get(event)
    return _activity(event) | ({} if about is None else about(here))


def _activity(event: str) -> JsonObject:
    types = activity_types.get(event, ())
    if not types:
        return {}
    return {"action": next((each for each in COMMON_ACTIVITIES if each in types), types[0])}


def _push(here: Here) -> JsonObject:
    return {"ref": here.ref, "after": here.head.sha}


def _pull_request(here: Here) -> JsonObject:
    side: JsonObject = {"id": here.repository["id"]}
    pull = {
        "number": 1,
        "title": "A local run",
        "head": {"ref": here.branch, "sha": here.head.sha, "repo": side},
        "base": {"ref": "main", "sha": "", "repo": side},
    }
    return {"number": 1, "pull_request": pull}


def _dispatch(here: Here) -> JsonObject:
    return {"ref": here.ref, "inputs": {}}


def _created(here: Here) -> JsonObject:
    return {"ref": here.branch, "ref_type": "branch", "master_branch": here.branch}


def _deployment(here: Here) -> JsonObject:
    return {"deployment": {"id": 1, "sha": here.head.sha, "ref": here.branch, "environment": "production"}}


def _deployment_status(here: Here) -> JsonObject:
    return _deployment(here) | {"deployment_status": {"id": 1, "state": "success"}}


def _merge_group(here: Here) -> JsonObject:
    group = {
        "head_sha": here.head.sha,
        "head_ref": f"refs/heads/gh-readonly-queue/main/pr-1-{here.head.sha}",
        "base_sha": "",
        "base_ref": "refs/heads/main",
    }
    return {"merge_group": group}


def _release(here: Here) -> JsonObject:
    release = {"id": 1, "tag_name": "v1.0.0", "name": "A local run", "draft": False, "prerelease": False}
    return {"release": release | {"target_commitish": here.branch}}


def _issue(here: Here) -> JsonObject:
    return {"issue": {"number": 1, "title": "A local run", "state": "open", "labels": []}}


def _comment(here: Here) -> JsonObject:
    return _issue(here) | {"comment": {"id": 1, "body": "A local run"}}


def _discussion(here: Here) -> JsonObject:
    return {"discussion": {"number": 1, "title": "A local run"}}


def _review(here: Here) -> JsonObject:
    return _pull_request(here) | {"review": {"id": 1, "state": "approved", "body": ""}}


def _review_comment(here: Here) -> JsonObject:
    return _pull_request(here) | {"comment": {"id": 1, "body": "A local run"}}


def _check_run(here: Here) -> JsonObject:
    check = {"id": 1, "name": "check", "head_sha": here.head.sha, "status": "completed", "conclusion": "success"}
    return {"check_run": check}


def _check_suite(here: Here) -> JsonObject:
    suite = {"id": 1, "head_sha": here.head.sha, "status": "completed", "conclusion": "success"}
    return {"check_suite": suite | {"head_branch": here.branch}}


def _status(here: Here) -> JsonObject:
    return {"sha": here.head.sha, "state": "success", "context": "default"}


def _workflow_run(here: Here) -> JsonObject:
    """Without a name: whichever workflow a file waits for, it was that one."""
    run: JsonObject = {"id": 1, "head_branch": here.branch, "head_sha": here.head.sha, "event": "push"}
    return {"workflow_run": run | {"status": "completed", "conclusion": "success", "run_attempt": 1}}


_ABOUT: dict[str, Callable[[Here], JsonObject]] = {
    "check_run": _check_run,
    "check_suite": _check_suite,
    "create": _created,
    "delete": _created,
    "deployment": _deployment,
    "deployment_status": _deployment_status,
    "discussion": _discussion,
    "discussion_comment": lambda here: _discussion(here) | {"comment": {"id": 1, "body": "A local run"}},
    "fork": lambda here: {"forkee": {"full_name": "somebody/fork"}},
    "gollum": lambda here: {"pages": []},
    "image_version": lambda here: {"image_version": {"name": "image", "version": "1.0.0"}},
    "issue_comment": _comment,
    "issues": _issue,
    "label": lambda here: {"label": {"name": "bug"}},
    "merge_group": _merge_group,
    "milestone": lambda here: {"milestone": {"number": 1, "title": "A local run"}},
    "page_build": lambda here: {"build": {"status": "built", "commit": here.head.sha}},
    "pull_request": _pull_request,
    "pull_request_review": _review,
    "pull_request_review_comment": _review_comment,
    "pull_request_target": _pull_request,
    "push": _push,
    "registry_package": lambda here: {"registry_package": {"name": "package"}},
    "release": _release,
    "repository_dispatch": lambda here: {"branch": here.branch, "client_payload": {}},
    "status": _status,
    "workflow_dispatch": _dispatch,
    "workflow_run": _workflow_run,
}
