"""The status of a workflow file with errors: no run will ever say that it is broken. Pure."""

from __future__ import annotations

from libs.bus.port import Stored
from libs.contracts import ids, intake
from libs.contracts.ids import Cause
from libs.contracts.subjects import RunAddress
from services.reporter.about import About
from services.reporter.wanted import RUN, WantedStatus
from services.reporter.words import CONTEXT_CHARACTERS, DESCRIPTION_CHARACTERS, line


def about_rejection(cause: Cause, stored: Stored, rejected: intake.WorkflowRejected) -> About | None:
    """None where a name could not be a repository's: it would become a part of a URL."""
    owner, _, name = rejected.repository.partition("/")
    try:
        tokens = ids.token(owner), ids.token(name)
    except ValueError:
        return None
    if not ids.is_commit_sha(rejected.sha):
        return None
    address = RunAddress(*tokens, ids.run_id_of(cause, rejected.path))
    return About(address, rejected.repository, cause, stored.seq)


def wanted_rejection(rejected: intake.WorkflowRejected, public_url: str) -> WantedStatus:
    """An `error` with the first problem's place."""
    first, more = rejected.problems[:1], len(rejected.problems) - 1
    words = (
        "".join(f"{problem.line}:{problem.column}: {problem.message}" for problem in first) or "Invalid workflow file"
    )
    count = f"(1 of {more + 1}) " if more > 0 else ""
    return WantedStatus(
        job=RUN,
        context=line(f"firebreak / {rejected.path}", CONTEXT_CHARACTERS),
        state="error",
        description=line(count + words, DESCRIPTION_CHARACTERS),
        sha=rejected.sha,
        target_url=public_url,
    )
