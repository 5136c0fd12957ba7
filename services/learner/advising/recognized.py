"""What may be told of a failure that the log knows, to the readers of the run that failed. Pure.

Names of private repositories, and commits of theirs, are told to nobody else: such a repository is one of the `others`.
"""

from __future__ import annotations

from datetime import UTC, datetime

from libs.contracts.ids import JobKey
from libs.contracts.recognition import FailureRecognized
from services.learner.advising.failures import Failure
from services.learner.store.recognizing import SeenBefore, SeenIn

REPOSITORIES_NAMED = 10


def recognized(failure: Failure, run_attempt: int, repository_id: int, known: SeenBefore) -> FailureRecognized | None:
    """None where nothing is known: it failed so for the first time, and no commit is to blame."""
    mended = known.mended
    if mended is not None and not _may_know(repository_id, mended.repository_id, known):
        mended = None
    if not known.runs and known.broke is None and mended is None:
        return None
    named = [each for each in known.repositories if _may_name(repository_id, each)][:REPOSITORIES_NAMED]
    return FailureRecognized(
        run_attempt=run_attempt,
        job=JobKey(failure.job),
        n=failure.n,
        step=failure.step,
        name=failure.name,
        fingerprint=failure.fingerprint,
        text=failure.said,
        runs=known.runs,
        since=_utc(known.since),
        last=_utc(known.last),
        repositories=tuple(each.repository for each in named),
        others=len(known.repositories) - len(named),
        broke_sha=known.broke.sha if known.broke is not None else "",
        mended_sha=mended.sha if mended is not None else "",
        mended_at=_utc(mended.at) if mended is not None else None,
    )


def _may_name(repository_id: int, seen: SeenIn) -> bool:
    return seen.repository_id == repository_id or not seen.private


def _may_know(repository_id: int, other_id: int, known: SeenBefore) -> bool:
    public = {each.repository_id for each in known.repositories if not each.private}
    return other_id == repository_id or other_id in public


def _utc(time: datetime | None) -> datetime | None:
    return time.replace(tzinfo=UTC) if time is not None else None
