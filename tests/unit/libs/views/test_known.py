"""What `firebreak why` and the console say of a job besides its own events."""

from __future__ import annotations

from datetime import UTC, datetime

from libs.contracts import attempt, run, subjects
from libs.contracts.advice import Advice, AdviceGiven, DurationAdvice, FlakyAdvice
from libs.contracts.envelope import Commit
from libs.contracts.ids import Cause, CommitId, JobKey
from libs.contracts.recognition import FailureRecognized
from libs.contracts.run import TimeoutAdjusted, TimeoutEvidence
from libs.views.fold import apply
from libs.views.insights import NOTHING, Insights, StepOf
from libs.views.known import known_of
from libs.views.run import RunView
from libs.views.standing import Standing
from libs.views.words import quoted
from tests.fakes.history import HOST, History

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
BUILD = JobKey("build")


def folded(*events: run.RunEvent, steps: tuple[attempt.AttemptEvent, ...] = ()) -> RunView:
    import msgspec

    one = History(None).one_run()  # type: ignore[arg-type]
    own = (run.RunPlanned(one.plan), run.RunStarted(), *events)
    view: RunView | None = None
    for subject, said in (
        (subjects.run(*one.address), own[:2]),
        (subjects.run(*one.address), tuple(e for e in own[2:] if not isinstance(e, run.JobFinished))),
        (subjects.attempt(HOST, one.address, BUILD, 1), steps),
        (subjects.run(*one.address), tuple(e for e in own if isinstance(e, run.JobFinished))),
    ):
        raw = tuple(msgspec.Raw(msgspec.json.encode(event)) for event in said)
        view = apply(view, Commit(CommitId("c"), "test", subject, NOW, Cause("x"), raw)) if raw else view
    assert view is not None
    return view


QUEUED = run.JobQueued(BUILD, "build", "Build", ("linux",), 60_000)
ASSIGNED = run.JobAssigned(BUILD, 1, HOST)
FAILED = attempt.StepFinished(0, "Run make", "failure", "failure", 10, 2, category="network")
ENDED = attempt.AttemptFinished("failure", duration_ms=600_000)
RED = run.JobFinished(BUILD, "build", "Build", "failure", "failure", 1)


def stands(*pieces: Advice) -> Standing:
    return Standing(1, NOW, AdviceGiven(1, pieces), {})


def known(view: RunView, insights: Insights = NOTHING) -> list[str]:
    return known_of(view, view.jobs[BUILD], insights, NOW, quoted)


def test_without_learner_or_model_the_rules_alone_speak() -> None:
    view = folded(QUEUED, ASSIGNED, RED, steps=(FAILED, ENDED))
    assert known(view) == ["build, step 1 `Run make`: the network, or a server behind it, failed"]


def test_a_known_failure_of_a_flaky_job_that_was_slow() -> None:
    view = folded(QUEUED, ASSIGNED, RED, steps=(FAILED, ENDED))
    path = ".github/workflows/ci.yml"
    insights = Insights(
        {StepOf(BUILD, 1, 0): FailureRecognized(1, BUILD, 1, 0, "Run make", "f", runs=2)},
        standing=stands(
            DurationAdvice(path, BUILD, "Build", 190_000, 50),
            FlakyAdvice(path, BUILD, "Build", "Run make", "flaky", ("a", "b"), 0.1, 0, NOW),
            DurationAdvice("other.yml", BUILD, "Build", 1, 50),
        ),
    )
    assert known(view, insights) == [
        "build, step 1 `Run make`: the network, or a server behind it, failed; seen before in 2 runs",
        "build took 10 min 00 s, usually 3 min 10 s (median of 50)",
        "build is known to be flaky: its step `Run make` passed and failed at the same commit before",
    ]


def test_a_learned_limit_and_its_evidence() -> None:
    adjusted = TimeoutAdjusted(BUILD, 21_600_000, 840_000, TimeoutEvidence(9, "warm", 41, 190_000, kills=1))
    assert known(folded(QUEUED, adjusted, ASSIGNED)) == [
        "build had a time limit of 14 min 00 s instead of 6 h 00 min: the longest of 41 successes took 3 min 10 s, "
        "doubled after it ended 1 job"
    ]


def test_a_job_that_passed_when_it_was_run_again() -> None:
    why = "passed on attempt 2, known flaky"
    green = run.JobFinished(BUILD, "build", "Build", "success", "success", 2, why=why, retries=1)
    assert known(folded(QUEUED, ASSIGNED, green)) == [f"build {why}"]


def test_what_waits_tells_its_place_in_the_order() -> None:
    advice = DurationAdvice(".github/workflows/ci.yml", BUILD, "Build", 190_000, 50, failed_lately=True)
    assert known(folded(QUEUED), Insights(standing=stands(advice))) == [
        "build is expected to take 3 min 10 s: longer ones go first; it failed the last time, so it goes first"
    ]
