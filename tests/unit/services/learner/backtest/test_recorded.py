"""A trace out of the log's own events."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from libs.contracts import attempt, plan, run
from libs.contracts.envelope import commit, envelopes
from libs.contracts.ids import Cause, CommitId, JobKey
from libs.contracts.results import Result
from libs.contracts.run import TimeoutAdjusted
from services.learner.backtest.recorded import LINE_BYTES, BadTrace, recorded
from tests.golden.write import example

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOUR_MS = 3_600_000
JOB = JobKey("build")
PLAN = msgspec.structs.replace(example(plan.Plan), sha="abc", trial="")


def lines(run_id: int, *events: msgspec.Struct, at: datetime = NOON, n: int = 1) -> list[bytes]:
    """As `firebreak events tail --json` prints them."""
    made: list[bytes] = []
    for place, event in enumerate(events):
        about_attempt = isinstance(event, attempt.AttemptFinished)
        subject = f"ev.attempt.host-1.octo.hello.{run_id}.build.{n}" if about_attempt else f"ev.run.octo.hello.{run_id}"
        one = commit(
            id=CommitId(f"{run_id}-{place}"), source="test", subject=subject, cause=Cause("c"), now=at, events=[event]
        )
        made += [msgspec.json.encode(envelope) + b"\n" for envelope in envelopes(one, 1)]
    return made


def queued(timeout_ms: int = HOUR_MS) -> run.JobQueued:
    return run.JobQueued(JOB, "build", "build", ("ubuntu-latest",), timeout_ms)


def finished(conclusion: Result, duration_ms: float = 60_000) -> attempt.AttemptFinished:
    return attempt.AttemptFinished(conclusion, duration_ms=duration_ms)


def test_an_attempt_that_ended_is_an_ending() -> None:
    (ending,), skipped = recorded(lines(7, run.RunPlanned(PLAN), queued(), finished("success")))
    assert (ending.sha, ending.ended, ending.duration_ms, ending.declared_ms) == ("abc", "success", 60_000, HOUR_MS)
    assert ending.start_seconds == (NOON - timedelta(minutes=1)).timestamp()
    assert (skipped.ended_otherwise, skipped.without_plan) == (0, 0)


def test_what_reached_its_limit_is_taken_to_hang_until_then() -> None:
    (ending,), _ = recorded(lines(7, run.RunPlanned(PLAN), queued(), finished("timeout", HOUR_MS + 500)))
    assert (ending.ended, ending.duration_ms) == ("hang", HOUR_MS + 500)


def test_what_a_shorter_limit_ended_would_have_gone_on_until_what_is_declared() -> None:
    adjusted = msgspec.structs.replace(example(TimeoutAdjusted), job=JOB, from_ms=HOUR_MS, to_ms=300_000)
    (ending,), _ = recorded(lines(7, run.RunPlanned(PLAN), adjusted, queued(300_000), finished("timeout", 300_000)))
    assert (ending.duration_ms, ending.declared_ms) == (HOUR_MS, HOUR_MS)


@pytest.mark.parametrize("conclusion", ["cancellation", "error", "skip"])
def test_what_says_nothing_about_the_job_is_left_out(conclusion: Result) -> None:
    endings, skipped = recorded(lines(7, run.RunPlanned(PLAN), queued(), finished(conclusion)))
    assert (endings, skipped.ended_otherwise) == ([], 1)


def test_a_run_without_its_plan_is_left_out_and_told() -> None:
    endings, skipped = recorded(lines(7, queued(), finished("success")))
    assert (endings, skipped.without_plan) == ([], 1)


def test_a_trial_of_a_proposal_is_left_out() -> None:
    trial = msgspec.structs.replace(PLAN, trial="proposal")
    endings, skipped = recorded(lines(7, run.RunPlanned(trial), queued(), finished("success")))
    assert (endings, skipped.trials) == ([], 1)


def test_the_same_job_of_the_same_workflow_is_one_key_and_a_second_attempt_is_a_retry() -> None:
    first = lines(7, run.RunPlanned(PLAN), queued(), finished("failure"))
    second = lines(7, finished("success"), at=NOON + timedelta(hours=1), n=2)
    other_run = lines(8, run.RunPlanned(PLAN), queued(), finished("success"), at=NOON + timedelta(hours=2))
    endings, _ = recorded(first + second + other_run)
    assert [(ending.key, ending.retried) for ending in endings] == [(0, False), (0, True), (0, False)]


def test_other_events_and_empty_lines_are_passed_over() -> None:
    assert recorded([b"\n", *lines(7, run.RunStarted())])[0] == []


@pytest.mark.parametrize("line", [b"{", b"[]", b'{"id": 1}', b"\xff", b" " * (LINE_BYTES + 1)])
def test_a_line_that_is_no_event_is_named(line: bytes) -> None:
    with pytest.raises(BadTrace, match="line 2 is"):
        recorded([b"\n", line])


def test_an_event_that_is_not_what_its_type_says_is_named() -> None:
    (line,) = lines(7, queued())
    with pytest.raises(BadTrace, match="line 1 is"):
        recorded([line.replace(b'"timeout_ms":3600000', b'"timeout_ms":"soon"')])
