"""Why a job is where it is, in sentences that name what is missing."""

from datetime import UTC, datetime, timedelta

import pytest

from libs.contracts.ids import HostId, JobKey, RunId
from libs.contracts.size import Size
from libs.views.run import AttemptView, JobView, RunView, StepView
from services.cli.commands.hosts import HostRow
from services.cli.commands.why import chosen_jobs, explain
from services.cli.outcome import Usage

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def view(*jobs: JobView) -> RunView:
    run = RunView(RunId(1), "octo", "hello")
    run.jobs = {job.key: job for job in jobs}
    return run


def job(key: str = "build", **fields) -> JobView:
    return JobView(JobKey(key), key, key, **fields)


def test_a_label_that_no_host_has_is_named() -> None:
    queued = job(state="queued", labels=("linux", "gpu"))
    host = HostRow(HostId("h1"), "available", labels=("linux", "ubuntu-*"))
    assert explain(queued, view(queued), [host]) == ["build is queued: host h1 has no label gpu"]


def test_a_size_that_no_host_offers_is_named_with_what_each_offers() -> None:
    queued = job(state="queued", labels=("linux", "firebreak-8cpu-32gb"))
    host = HostRow(HostId("h1"), "available", labels=("linux",), largest=Size(2, 16_384))
    assert explain(queued, view(queued), [host]) == [
        "build is queued: host h1 offers machines up to 2cpu-16gb, and the job asks for 8cpu-32gb"
    ]


def test_a_host_without_memory_for_the_jobs_machine_says_so() -> None:
    queued = job(state="queued", labels=("linux",))
    host = HostRow(HostId("h1"), "available", labels=("linux",), usual=Size(1, 2048), free_mib=1024)
    assert explain(queued, view(queued), [host]) == [
        "build is queued: host h1 has 1024 MiB free for machines, and the job needs 2048"
    ]


@pytest.mark.parametrize(
    ("state", "says"), [("busy", "no free slot"), ("draining", "draining"), ("silent", "does not answer")]
)
def test_a_host_that_fits_says_what_keeps_it(state: str, says: str) -> None:
    queued = job(state="queued", labels=("ubuntu-24.04",))
    (reason,) = explain(queued, view(queued), [HostRow(HostId("h1"), state, labels=("ubuntu-*",))])
    assert says in reason


def test_without_a_host_it_says_how_to_start_one() -> None:
    queued = job(state="queued")
    assert "firebreak agent" in explain(queued, view(queued), [])[0]


def test_a_waiting_job_names_the_needs_that_are_not_over() -> None:
    first, second = job("first", state="running"), job("second", state="finished")
    third = job("third", needs=("first", "second"))
    assert explain(third, view(first, second, third), []) == ["third waits for first"]


def test_a_red_job_names_the_step_and_where_the_time_went() -> None:
    red = job(state="finished", outcome="failure", conclusion="failure", queued=NOW)
    attempt = AttemptView(1, HostId("h1"), NOW, started=NOW + timedelta(seconds=2))
    attempt.steps[0] = StepView(0, "compile", "finished", "failure", "failure", exit_code=2, duration_ms=4200)
    red.attempts.append(attempt)
    told = explain(red, view(red), [])
    assert told[0] == "build is red at step 1 `compile`: exit code 2"
    assert "waited 2.0 s" in told[1]
    assert "4.2 s" in told[1]


def test_a_job_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(Usage, match="it has build"):
        chosen_jobs(view(job()), "nope")
