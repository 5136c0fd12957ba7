"""The numbers that analysts see, against cases computed by hand."""

from __future__ import annotations

import pytest

from libs.contracts import attempt, intake, run, subjects
from libs.contracts.ids import JobKey
from libs.contracts.results import Result
from tests.contract.learner.conftest import Learned
from tests.fakes.history import GUID, SHA


async def test_a_run_its_jobs_attempts_and_steps(learned: Learned) -> None:
    await learned.history.delivered()
    one = learned.history.one_run()
    await learned.history.planned_runs(one)
    await one.whole(("build", "test"))
    await learned.learn()
    (row,) = learned.rows(
        "SELECT run_id, repository, workflow, run_number, event, sha, status, conclusion, steps_run, delivery,"
        " finished_at >= planned_at, duration_ms >= 0 FROM runs"
    )
    assert row == (7, "Octo/hello.world", "CI", 1, "push", SHA, "completed", "success", 1, GUID, True, True)
    assert learned.rows(
        "SELECT job, status, outcome, attempts, host, duration_ms, waited_ms >= 0 FROM jobs ORDER BY 1"
    ) == [
        ("build", "completed", "success", 1, "host-1", 100.0, True),
        ("test", "completed", "success", 1, "host-1", 100.0, True),
    ]
    assert learned.rows("SELECT job, n, host, driver, how, status, conclusion, ready_ms FROM attempts ORDER BY 1") == [
        ("build", 1, "host-1", "host", "spawned", "finished", "success", 1.5),
        ("test", 1, "host-1", "host", "spawned", "finished", "success", 1.5),
    ]
    assert learned.rows(
        "SELECT workflow, job, step, name, outcome, duration_ms, exit_code FROM steps ORDER BY job"
    ) == [
        ("CI", "build", 0, "Run true", "success", 10.0, 0),
        ("CI", "test", 0, "Run true", "success", 10.0, 0),
    ]
    (delivery,) = learned.rows("SELECT guid, event, outcome, runs, rejected, decided_after_ms >= 0 FROM deliveries")
    assert delivery == (GUID, "push", "RunsPlanned", 1, 0, True)


async def test_a_run_that_is_not_over_has_no_conclusion(learned: Learned) -> None:
    one = learned.history.one_run()
    await one.planned()
    await learned.learn()
    assert learned.rows("SELECT status, conclusion, finished_at FROM runs") == [("queued", None, None)]
    await one.say(run.RunStarted())
    await one.queued("build")
    await one.assigned("build")
    await one.started("build")
    await learned.learn()
    assert learned.rows("SELECT status, conclusion FROM runs") == [("in_progress", None)]
    assert learned.rows("SELECT status, outcome, started_at >= queued_at FROM jobs") == [("in_progress", None, True)]
    assert learned.rows("SELECT status FROM attempts") == [("running",)]


async def test_success_rate_and_quantiles_of_a_step(learned: Learned) -> None:
    """Durations 100, 200, ..., 1000 of eight successes and two failures; a timeout counts in the rate and not in the
    durations; a skip, a cancellation and an error of ours count in neither."""
    one = learned.history.one_run()
    await one.planned()
    results: list[Result] = ["success"] * 8 + ["failure"] * 2
    for n, result in enumerate(results, 1):
        await one.step("build", 0, "Run make", result, n=n, ms=100.0 * n)
    others: list[Result] = ["timeout", "skip", "cancellation", "error"]
    for n, result in enumerate(others, 11):
        await one.step("build", 0, "Run make", result, n=n, ms=9_999_999)
    await learned.learn()
    (row,) = learned.rows(
        "SELECT total, successes, failures, timeouts, errors, cancellations, skips, success_rate, p50_ms, p90_ms,"
        " p95_ms, max_ms FROM step_stats WHERE step = 'Run make'"
    )
    assert row[:7] == (14, 8, 2, 1, 1, 1, 1)
    assert row[7] == pytest.approx(8 / 11)
    assert row[8:] == pytest.approx((550, 910, 955, 1000))


async def test_statistics_of_jobs_and_workflows(learned: Learned) -> None:
    for number, result in enumerate(["success", "success", "failure", "error"], 1):
        one = learned.history.one_run(number)
        await one.whole(result=result)  # type: ignore[arg-type]
    await learned.learn()
    assert learned.rows("SELECT total, successes, failures, errors, success_rate FROM workflow_stats") == [
        (4, 2, 1, 1, pytest.approx(2 / 3))
    ]
    assert learned.rows("SELECT job, total, success_rate, p50_ms, p95_ms FROM job_stats") == [
        ("build", 4, pytest.approx(2 / 3), 100.0, 100.0)
    ]


async def test_a_rerun_is_another_attempt_at_the_run_and_both_count(learned: Learned) -> None:
    one = learned.history.one_run()
    await one.whole(result="failure")
    await one.say(run.RunRerun("c", "me", 2, (JobKey("build"),)))  # type: ignore[arg-type]
    await one.queued("build", run_attempt=2)
    await one.assigned("build", 2)
    await one.started("build", 2)
    await one.finished("build", n=2, ms=300)
    await one.over(run_attempt=2)
    await learned.learn()
    assert learned.rows("SELECT run_attempt, conclusion FROM runs") == [(2, "success")]
    assert learned.rows("SELECT run_attempt, conclusion FROM run_attempts ORDER BY 1") == [
        (1, "failure"),
        (2, "success"),
    ]
    assert learned.rows("SELECT run_attempt, n, outcome, duration_ms FROM jobs ORDER BY 1") == [
        (1, 1, "failure", 100.0),
        (2, 2, "success", 300.0),
    ]
    assert learned.rows("SELECT total, success_rate FROM workflow_stats") == [(2, 0.5)]


async def test_a_lost_attempt_and_a_skipped_job(learned: Learned) -> None:
    one = learned.history.one_run()
    await one.planned()
    await one.say(run.JobSkipped(JobKey("deploy"), "deploy", "Deploy", "its if was false"))
    await one.queued("build")
    await one.assigned("build")
    await one.started("build")
    await one.at("build", 1, attempt.AttemptLost("silent for 30 s"))
    await learned.learn()
    assert learned.rows("SELECT status, why FROM attempts") == [("lost", "silent for 30 s")]
    assert learned.rows("SELECT job, outcome, why FROM jobs WHERE conclusion IS NOT NULL") == [
        ("Deploy", "skip", "its if was false")
    ]


async def test_names_change_and_the_history_stays_together(learned: Learned) -> None:
    old = learned.history.one_run(1, workflow="CI")
    await old.whole()
    await learned.learn()
    learned.history.name = "renamed"
    new = learned.history.one_run(2, workflow="Continuous integration")
    await new.whole()
    await learned.learn()
    assert learned.rows("SELECT repository, workflow, total FROM workflow_stats") == [
        ("Octo/renamed", "Continuous integration", 2)
    ]


async def test_a_rejected_workflow_is_listed_with_its_place(learned: Learned) -> None:
    await learned.history.delivered()
    problem = intake.Problem("ci.yml", 3, 5, "unknown key 'job'")
    await learned.history.intake(
        intake.WorkflowRejected("octo/hello", SHA, "ci.yml", (problem,)),
        intake.RunsPlanned("octo/hello", SHA, "push", {}),
    )
    await learned.learn()
    assert learned.rows("SELECT workflow_path, why FROM rejections") == [("ci.yml", "ci.yml:3:5: unknown key 'job'")]
    assert learned.rows("SELECT outcome, runs, rejected FROM deliveries") == [("RunsPlanned", 0, 1)]


async def test_a_run_whose_plan_is_gone_still_has_its_facts(learned: Learned) -> None:
    one = learned.history.one_run()
    await one.step("build", 0, "Run make")
    await learned.learn()
    assert learned.rows("SELECT run_id, repository, job, name FROM steps") == [(7, None, "build", "Run make")]


async def test_unknown_events_are_counted(learned: Learned) -> None:
    await learned.history.append(subjects.run(*learned.history.one_run().address), _Later())
    await learned.learn()
    assert learned.rows("SELECT stream, type, events FROM skipped") == [("EVENTS", "RunTeleported", 1)]


class _Later(run.RunStarted, frozen=True, tag="RunTeleported"):
    """An event of a later version."""


async def test_a_job_that_calls_a_workflow_is_in_progress_until_it_is_over(learned: Learned) -> None:
    one = learned.history.one_run()
    await one.planned()
    await one.say(run.RunStarted(), run.CallExpanded(JobKey("lib"), "lib", "Library"))
    await learned.learn()
    assert learned.rows("SELECT job, status FROM jobs") == [("Library", "in_progress")]
    await one.say(run.JobFinished(JobKey("lib"), "lib", "Library", "success", "success"))
    await learned.learn()
    assert learned.rows("SELECT job, status, conclusion FROM jobs") == [("Library", "completed", "success")]
