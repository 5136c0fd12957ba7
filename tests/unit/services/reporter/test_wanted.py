"""f(run): what a commit's statuses should say."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.ids import Cause, JobKey, RunId
from libs.contracts.results import Result
from services.reporter.run_view import AttemptView, ContextHead, JobView, PlanHead, RepositoryHead, RunView, StepView
from services.reporter.wanted import context, wanted_statuses

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
SHA = "a" * 40


def plan(event: str = "push", workflow: str = "CI", payload: bytes = b"null") -> PlanHead:
    head = RepositoryHead(5, "octo", "hello")
    return PlanHead(head, event, SHA, "ci.yml", workflow, 1, github=ContextHead(payload))  # type: ignore[arg-type]


def view(*jobs: JobView, result: Result | None = None, why: str = "") -> RunView:
    run = RunView(RunId(7), Cause("guid"), 1, NOON, plan(), result=result, why=why)
    run.jobs = {job.key: job for job in jobs}
    return run


def job(
    name: str = "build", result: Result | None = None, *, outcome: Result | None = None, **fields: object
) -> JobView:
    attempt = AttemptView(started=True, duration_ms=12_340, steps=fields.pop("steps", {}))  # type: ignore[arg-type]
    return JobView(JobKey(name), name, name, 1, result, outcome or result, attempt=attempt, **fields)  # type: ignore[arg-type]


def step(index: int, name: str, result: Result, code: int | None = None) -> StepView:
    return StepView(index, name, result, result, 10, code)


RAN = {0: step(0, "Run make", "success")}

CASES: list[tuple[JobView, str, str]] = [
    (JobView(JobKey("build"), "build", "build"), "pending", "Queued"),
    (job(), "pending", "Running"),
    (job(result="success", steps=RAN), "success", "Succeeded in 12.3 s, 1 step"),
    (job(result="success"), "success", "Succeeded in 12.3 s, but nothing ran"),
    (
        job(result="success", outcome="failure", steps=RAN),
        "success",
        "Failed in 12.3 s, which continue-on-error allows",
    ),
    (
        job(result="failure", steps={0: step(0, "Run x", "failure", 2)}),
        "failure",
        "Failed in 12.3 s: Run x (exit code 2)",
    ),
    (job(result="failure", why="matrix is empty"), "failure", "Failed in 12.3 s: matrix is empty"),
    (job(result="timeout"), "failure", "Timed out in 12.3 s"),
    (job(result="cancellation"), "error", "Cancelled in 12.3 s"),
    (job(result="error", why="no host has it"), "error", "Could not run in 12.3 s: no host has it"),
    (job(result="skip", why="its if was false"), "success", "Skipped: its if was false"),
]


@pytest.mark.parametrize(("job", "state", "description"), CASES, ids=[case[2] for case in CASES])
def test_a_status_of_a_job(job: JobView, state: str, description: str) -> None:
    (status,) = wanted_statuses(view(job), "https://ci")
    assert (status.state, status.description) == (state, description)
    assert (status.context, status.sha, status.target_url) == ("firebreak / CI / build", SHA, "https://ci/runs/7")


def test_what_is_over_comes_first() -> None:
    wanted = wanted_statuses(view(job("a"), job("b", "success"), job("c")), "https://ci")
    assert [status.job for status in wanted] == ["b", "a", "c"]


def test_a_run_that_ended_without_a_job_has_a_status_of_its_own() -> None:
    (status,) = wanted_statuses(view(result="error", why="its plan is gone"), "https://ci")
    assert (status.context, status.state) == ("firebreak / CI", "error")
    assert status.description == "Could not run: its plan is gone"


def test_another_event_on_the_same_commit_has_a_context_of_its_own() -> None:
    assert context(plan("push"), "b") != context(plan("pull_request"), "b") == "firebreak / CI / b (pull_request)"


def test_a_pull_requests_statuses_are_on_its_head() -> None:
    run = view(job())
    run.plan = plan("pull_request", payload=b'{"pull_request":{"head":{"sha":"%s"}}}' % (b"f" * 40))
    assert wanted_statuses(run, "https://ci")[0].sha == "f" * 40


@pytest.mark.parametrize("payload", [b"[]", b'{"pull_request":7}', b'{"pull_request":{"head":{"sha":"../../x"}}}'])
def test_a_payload_that_is_not_as_documented_leaves_the_commit_that_ran(payload: bytes) -> None:
    run = view(job())
    run.plan = plan("pull_request", payload=payload)
    assert wanted_statuses(run, "https://ci")[0].sha == SHA


@given(st.text(), st.text(), st.text(max_size=60))
def test_whatever_the_names_are_github_takes_the_status(name: str, workflow: str, event: str) -> None:
    run = view(JobView(JobKey("k"), "k", name, result="failure", outcome="failure", why=name))
    run.plan = plan(event, workflow)
    (status,) = wanted_statuses(run, "https://ci")
    assert len(status.description) <= 140
    assert 0 < len(status.context) <= 255
    assert all(character <= "\uffff" and character.isprintable() for character in status.context + status.description)


def test_long_names_that_differ_at_their_ends_stay_different() -> None:
    contexts = {context(plan(), "x" * 400 + str(number)) for number in range(10)}
    assert len(contexts) == 10
