"""The `github` context, as far as the event fixes it: every field that GitHub documents, ids as text as there.

The agent adds what depends on a job (`job`, `action`, `workspace`, `token`, `event_path`, ...).
Source: GitHub's documentation, "Contexts reference", `github` context.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

from libs.contracts.ids import RunId
from libs.workflow.expressions import Value
from libs.workflow.model import Workflow
from libs.workflow.planning import workflow_name
from services.parser.meaning import Relevant

RETENTION_DAYS = "90"
"""GitHub's default for artifacts and logs."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """`server` is where people look, `api` and `graphql` where programs ask."""

    server: str
    api: str
    graphql: str


def addresses(api_url: str) -> Addresses:
    """All three follow from the API's address: github.com has a host of its own for it, an enterprise server a path."""
    parts = urlsplit(api_url)
    origin = f"{parts.scheme}://{parts.netloc}"
    if parts.netloc.startswith("api."):
        return Addresses(f"{parts.scheme}://{parts.netloc.removeprefix('api.')}", api_url, f"{origin}/graphql")
    return Addresses(origin, api_url, f"{origin}/api/graphql")


def github_context(
    relevant: Relevant, workflow: Workflow, run_id: RunId, run_number: int, where: Addresses
) -> dict[str, Value]:
    repository, actor = relevant.repository, relevant.actor
    host = urlsplit(where.server).netloc
    return {
        "actor": actor.login,
        "actor_id": str(actor.id) if actor.id else "",
        "api_url": where.api,
        "base_ref": relevant.base_ref,
        "event": cast(Value, relevant.payload),
        "event_name": relevant.trigger.name,
        "graphql_url": where.graphql,
        "head_ref": relevant.head_ref,
        "ref": relevant.ref,
        "ref_name": ref_name(relevant.ref),
        "ref_protected": False,
        "ref_type": ref_type(relevant.ref),
        "repository": repository.full_name,
        "repository_id": str(repository.id),
        "repository_owner": repository.owner,
        "repository_owner_id": str(relevant.owner_id) if relevant.owner_id else "",
        "repositoryUrl": f"git://{host}/{repository.full_name}.git",
        "retention_days": RETENTION_DAYS,
        "run_attempt": "1",
        "run_id": str(run_id),
        "run_number": str(run_number),
        "secret_source": "Actions" if relevant.trust == "own" else "None",
        "server_url": where.server,
        "sha": relevant.sha,
        "triggering_actor": actor.login,
        "workflow": workflow_name(workflow),
        "workflow_ref": f"{repository.full_name}/{workflow.file}@{relevant.ref}",
        "workflow_sha": relevant.sha,
    }


def ref_type(ref: str) -> str:
    """Empty for a deployment of a bare commit, which has no ref."""
    if not ref:
        return ""
    return "tag" if ref.startswith("refs/tags/") else "branch"


def ref_name(ref: str) -> str:
    """`main`, `v1`, `7/merge`."""
    for prefix in ("refs/heads/", "refs/tags/", "refs/pull/"):
        if ref.startswith(prefix):
            return ref.removeprefix(prefix)
    return ref
