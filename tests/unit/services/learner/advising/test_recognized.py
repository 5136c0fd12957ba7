"""What is told of a failure that was seen before, and to whom."""

from __future__ import annotations

from datetime import UTC, datetime

from services.learner.advising.failures import FAILURES_KEPT, Failure, Failures
from services.learner.advising.recognized import recognized
from services.learner.store.recognizing import Broke, Mended, SeenBefore, SeenIn

FAILURE = Failure("test", 1, 2, "Run make", "f1", "Error: no route to <host>")
THEN = datetime(2026, 11, 20, 8)
OWN, PUBLIC, PRIVATE = (
    SeenIn(5, "octo/own", True, 3),
    SeenIn(6, "octo/public", False, 2),
    SeenIn(7, "x/secret", True, 1),
)


def test_a_first_failure_is_nothing_known() -> None:
    assert recognized(FAILURE, 1, 5, SeenBefore()) is None


def test_names_of_private_repositories_are_told_to_their_own_readers_alone() -> None:
    known = SeenBefore(6, THEN, THEN, (OWN, PUBLIC, PRIVATE))
    own = recognized(FAILURE, 1, 5, known)
    assert own is not None
    assert (own.runs, own.repositories, own.others) == (6, ("octo/own", "octo/public"), 1)
    assert (own.since, own.text, own.step) == (THEN.replace(tzinfo=UTC), "Error: no route to <host>", 2)
    other = recognized(FAILURE, 1, 9, known)
    assert other is not None
    assert (other.repositories, other.others) == (("octo/public",), 2)


def test_a_commit_of_a_private_repository_is_not_told_elsewhere() -> None:
    for repository_id, told in ((7, "abc"), (5, ""), (9, "")):
        known = SeenBefore(6, THEN, THEN, (OWN, PRIVATE), Mended("abc", THEN, 7))
        found = recognized(FAILURE, 1, repository_id, known)
        assert found is not None
        assert found.mended_sha == told
    assert recognized(FAILURE, 1, 5, SeenBefore(mended=Mended("abc", THEN, 7))) is None


def test_the_commit_that_broke_it_is_enough_to_tell() -> None:
    found = recognized(FAILURE, 2, 5, SeenBefore(broke=Broke("bad", THEN, "good")))
    assert found is not None
    assert (found.run_attempt, found.runs, found.broke_sha) == (2, 0, "bad")


def test_failures_wait_for_the_end_of_their_run_attempt() -> None:
    failures = Failures()
    for _ in range(FAILURES_KEPT + 5):
        failures.failed(1, FAILURE)
    assert failures.next() is None
    failures.ended(1, 1)
    failures.ended(2, 1)
    run = failures.next()
    assert run is not None
    assert (run.run_id, run.run_attempt, len(run.failures)) == (1, 1, FAILURES_KEPT)
    failures.ended(1, 2)
    assert failures.next() is None
