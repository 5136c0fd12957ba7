"""The rules of a run: what is ready, what is skipped, what a matrix becomes, and when the run is over."""

from __future__ import annotations

import pytest

from libs.contracts.run import JobCancelRequested, JobQueued, JobSkipped, MatrixExpanded
from services.scheduler.policy import LOCAL
from tests.unit.services.scheduler.story import Story, host, job, matrix, on_hosts, plan, types

FAILING_KEYS = {
    "name": {"name": "${{ nothing.here }}"},
    "runs-on": {"runs_on": "${{ fromJSON('[') }}"},
    "runs-on empty": {"runs_on": "${{ matrix.os }}"},
    "timeout-minutes": {"timeout_minutes": "${{ 'soon' }}"},
    "timeout-minutes zero": {"timeout_minutes": 0},
    "continue-on-error": {"continue_on_error": "${{ 'perhaps' }}"},
    "if": {"if_": "fromJSON('{') == 1"},
    "matrix": {"strategy": matrix("${{ fromJSON('nonsense') }}")},
    "matrix not a mapping": {"strategy": matrix("${{ 'text' }}")},
    "matrix empty vector": {"strategy": matrix({"os": []})},
    "matrix without vectors": {"strategy": matrix({})},
    "matrix all excluded": {"strategy": matrix({"os": ["a"], "exclude": [{"os": "a"}]})},
    "matrix too large": {"strategy": matrix({"a": list(range(17)), "b": list(range(17))})},
}


def test_a_run_starts_queues_and_assigns_in_one_go():
    story = Story(plan(job("build")))
    assert types(story.go()) == ["RunStarted", "JobQueued", "JobAssigned"]


def test_a_job_and_its_run_finish_together():
    story = Story(plan(job("build", steps=2)))
    story.go()
    assert types(story.does("build")) == ["JobFinished", "RunFinished"]
    assert (story.finished().conclusion, story.finished().steps_run) == ("success", 2)


def test_a_job_waits_for_all_that_it_needs():
    story = Story(plan(job("a"), job("b"), job("c", needs=("a", "b"))))
    story.go()
    assert on_hosts(story.run) == ["a", "b"]
    story.does("a")
    assert story.job("c").phase == "waiting"
    story.does("b")
    assert on_hosts(story.run) == ["c"]


def test_a_job_behind_a_failure_is_skipped_and_so_is_what_needs_it():
    story = Story(plan(job("a"), job("b", needs=("a",)), job("c", needs=("b",))))
    story.go()
    story.does("a", "failure")
    assert story.end_of("b").why == "it needs a, which failed"
    assert isinstance(story.end_of("c"), JobSkipped)
    assert story.finished().conclusion == "failure"


@pytest.mark.parametrize(
    ("condition", "a", "runs"),
    [
        ("always()", "failure", True),
        ("failure()", "failure", True),
        ("failure()", "success", False),
        ("success()", "failure", False),
        ("!cancelled()", "failure", True),
        ("cancelled()", "failure", False),
        ("${{ !failure() }}", "success", True),
        ("needs.b.result == 'skipped' && always()", "failure", True),
        ("needs.b.result == 'skipped'", "failure", False),
        ("github.ref == 'refs/heads/main'", "success", True),
        ("github.ref == 'refs/heads/other'", "success", False),
        ("vars.deploy == 'yes'", "success", True),
        ("inputs.level > 2", "success", True),
        ("false", "success", False),
    ],
)
def test_if_sees_all_transitive_needs(condition: str, a: str, runs: bool):
    """`c` needs `b`, which needs `a`: the status functions look at both, `needs` only at `b`."""
    jobs = (job("a"), job("b", needs=("a",)), job("c", needs=("b",), if_=condition))
    story = Story(plan(*jobs, vars={"deploy": "yes"}, inputs={"level": 3}))
    story.go()
    story.does("a", a)
    if story.job("b").phase == "assigned":
        story.does("b")
    assert (story.job("c").phase == "assigned") is runs
    if not runs:
        assert story.end_of("c").why


def test_a_skipped_need_skips_what_has_no_condition():
    story = Story(plan(job("a", if_="false"), job("b", needs=("a",)), job("c", needs=("a",), if_="always()")))
    story.go()
    assert story.end_of("b").why == "it needs a, which was skipped"
    assert on_hosts(story.run) == ["c"]


def test_a_run_in_which_every_job_is_skipped_is_over_at_once_and_ran_nothing():
    story = Story(plan(job("a", if_="false")))
    assert types(story.go()) == ["RunStarted", "JobSkipped", "RunFinished"]
    assert (story.finished().conclusion, story.finished().steps_run) == ("skip", 0)


@pytest.mark.parametrize("key", FAILING_KEYS)
def test_a_key_that_cannot_be_evaluated_fails_the_job_and_says_which(key: str):
    story = Story(plan(job("bad", **FAILING_KEYS[key])))
    story.go()
    end = story.end_of("bad")
    assert end.outcome == "failure"
    assert key.split(maxsplit=1)[0] in end.why
    assert story.finished().conclusion == "failure"


def test_a_matrix_becomes_one_job_a_combination():
    strategy = matrix({"os": ["linux", "mac"], "node": [18, 20]})
    story = Story(plan(job("test", strategy=strategy, runs_on="ubuntu-latest")))
    events = story.go()
    assert types(events)[:2] == ["RunStarted", "MatrixExpanded"]
    names = [each.name for each in story.run.jobs.values()]
    assert names == ["test (linux, 18)", "test (linux, 20)", "test (mac, 18)", "test (mac, 20)"]
    assert all(key.startswith("test~") for key in story.run.jobs)


def test_names_and_labels_of_a_matrix_are_evaluated_for_each_job():
    planned = job("t", strategy=matrix({"os": ["a", "b"]}), name="On ${{ matrix.os }}", runs_on="${{ matrix.os }}")
    story = Story(plan(planned), host("h", "a", "B"))
    story.go()
    assert [(each.name, each.labels) for each in story.run.jobs.values()] == [("On a", ("a",)), ("On b", ("b",))]


def test_a_fixed_name_is_followed_by_the_matrix_as_on_github():
    story = Story(plan(job("t", strategy=matrix({"os": ["a"]}), name="Unit tests")))
    story.go()
    assert [each.name for each in story.run.jobs.values()] == ["Unit tests (a)"]


@pytest.mark.parametrize(
    ("runs_on", "labels"),
    [
        ("linux", ("linux",)),
        (["self-hosted", "gpu"], ("self-hosted", "gpu")),
        ({"labels": "x"}, ("x",)),
        ({"group": "g", "labels": ["x", "y"]}, ("x", "y")),
        ('${{ fromJSON(\'["a", "b"]\') }}', ("a", "b")),
        (["${{ github.event_name }}", "z"], ("push", "z")),
    ],
)
def test_runs_on_in_each_of_its_forms(runs_on: object, labels: tuple[str, ...]):
    story = Story(plan(job("a", runs_on=runs_on)))
    story.go()
    assert story.job("a").labels == labels


def test_a_matrix_may_come_from_an_output():
    jobs = (job("plan"), job("test", needs=("plan",), strategy=matrix({"n": "${{ fromJSON(needs.plan.outputs.ns) }}"})))
    story = Story(plan(*jobs))
    story.go()
    story.does("plan", outputs={"ns": "[1, 2, 3]"})
    assert on_hosts(story.run) == ["test (1)", "test (2)", "test (3)"]


def test_two_equal_combinations_are_two_jobs():
    story = Story(plan(job("t", strategy=matrix({"include": [{"a": 1}, {"a": 1}]}))))
    story.go()
    assert len(story.run.jobs) == 2


def test_of_a_matrix_the_last_output_counts_and_an_empty_one_replaces_nothing():
    jobs = (
        job("m", strategy=matrix({"n": [1, 2]})),
        job("z", needs=("m",), name="${{ needs.m.outputs.last }}-${{ needs.m.outputs.one }}"),
    )
    story = Story(plan(*jobs))
    story.go()
    story.does("m (2)", outputs={"last": "two", "one": ""})
    story.does("m (1)", outputs={"last": "one", "one": "1"})
    assert on_hosts(story.run) == ["one-1"]


def test_fail_fast_stops_the_siblings():
    story = Story(plan(job("m", strategy=matrix({"n": [1, 2, 3]}))), host(slots=2))
    story.go()
    assert on_hosts(story.run) == ["m (1)", "m (2)"]
    events = story.does("m (1)", "failure")
    stop = next(event for event in events if isinstance(event, JobCancelRequested))
    assert (stop.job, stop.reason) == (story.job("m (2)").key, "fail-fast")
    assert story.result("m (3)") == ("cancellation", "cancellation")
    story.starts("m (2)").steps("m (2)", "cancellation").ends("m (2)", "cancellation").go()
    assert story.result("m (2)") == ("cancellation", "cancellation")
    assert story.finished().conclusion == "failure"


@pytest.mark.parametrize("strategy", [{"fail_fast": False}, {"fail_fast": "${{ github.ref == 'x' }}"}])
def test_without_fail_fast_the_siblings_go_on(strategy: dict[str, object]):
    story = Story(plan(job("m", strategy=matrix({"n": [1, 2]}, **strategy))))
    story.go()
    assert types(story.does("m (1)", "failure")) == ["JobFinished"]
    story.does("m (2)")
    assert story.finished().conclusion == "failure"


def test_a_failure_that_may_happen_stops_no_sibling_and_no_dependent():
    planned = job("m", strategy=matrix({"n": [1, 2]}), continue_on_error="${{ matrix.n == 1 }}")
    story = Story(plan(planned, job("z", needs=("m",))))
    story.go()
    story.does("m (1)", "failure")
    assert story.result("m (1)") == ("failure", "success")
    assert on_hosts(story.run) == ["m (2)"]
    story.does("m (2)")
    story.does("z")
    assert story.finished().conclusion == "success"


def test_max_parallel_bounds_a_matrix():
    story = Story(plan(job("m", strategy=matrix({"n": [1, 2, 3]}, max_parallel=2)), job("other")))
    story.go()
    assert on_hosts(story.run) == ["m (1)", "m (2)", "other"]
    story.does("m (1)")
    assert on_hosts(story.run) == ["m (2)", "m (3)", "other"]


def test_timeout_minutes_are_evaluated_and_bounded():
    jobs = (job("a", timeout_minutes="${{ fromJSON('0.5') }}"), job("b", timeout_minutes=1e9), job("c"))
    story = Story(plan(*jobs))
    queued = [event for event in story.go() if isinstance(event, JobQueued)]
    assert [event.timeout_ms for event in queued] == [30_000, 5 * 24 * 3_600_000, 6 * 3_600_000]


def test_a_label_that_no_host_has_waits_and_never_turns_green():
    story = Story(plan(job("a", runs_on="gpu")))
    story.go()
    assert story.job("a").phase == "queued"
    story.later(23 * 3600).go()
    assert story.job("a").phase == "queued"
    story.later(3601).go()
    assert story.end_of("a").outcome == "error"
    assert "no host has the label gpu" in story.end_of("a").why


def test_in_a_local_run_such_a_job_ends_at_once_and_names_the_label():
    story = Story(plan(job("a", runs_on=["linux", "gpu"])), policy=LOCAL)
    story.go()
    assert (story.end_of("a").outcome, story.end_of("a").why) == ("error", "no host has the label gpu")


def test_a_local_run_waits_for_its_host_to_join():
    story = Story(plan(job("a")), policy=LOCAL)
    story.fleet = {}
    story.go()
    assert story.job("a").phase == "queued"


def test_a_need_that_does_not_exist_ends_the_run_instead_of_hanging_it():
    story = Story(plan(job("a", needs=("ghost",)), job("b", needs=("c",)), job("c", needs=("b",))))
    story.go()
    assert story.finished().conclusion == "error"


def test_a_plan_expands_only_what_is_ready():
    jobs = (job("a"), job("m", needs=("a",), strategy=matrix({"n": [1]})))
    story = Story(plan(*jobs))
    story.go()
    assert not any(isinstance(event, MatrixExpanded) for event in story.events)
    story.does("a", "failure")
    assert isinstance(story.end_of("m"), JobSkipped)
    assert story.end_of("m").job == "m"


@pytest.mark.parametrize(
    ("runs_on", "labels", "group"),
    [
        ({"group": "large"}, (), "large"),
        ({"group": "organization/${{ 'large' }}", "labels": "linux"}, ("linux",), "large"),
        ({"group": "large", "labels": ["linux", "${{ 'x64' }}"]}, ("linux", "x64"), "large"),
        ('${{ fromJSON(\'{"group": "large", "labels": ["linux"]}\') }}', ("linux",), "large"),
        ({"labels": ["linux"]}, ("linux",), ""),
    ],
)
def test_runs_on_asks_for_a_group_of_hosts(runs_on: object, labels: tuple[str, ...], group: str):
    story = Story(
        plan(job("a", runs_on=runs_on)), host("h1", "linux", "x64"), host("h2", "linux", "x64", group="Large")
    )
    story.go()
    assert (story.job("a").labels, story.job("a").host_group) == (labels, group)
    assert story.job("a").attempt is not None
    assert not group or story.job("a").attempt.host == "h2"


def test_a_group_that_no_host_is_in_leaves_the_job_queued_and_in_a_local_run_ends_it():
    story = Story(plan(job("a", runs_on={"group": "large"})))
    story.go()
    assert story.job("a").phase == "queued"
    story = Story(plan(job("a", runs_on={"group": "large"})), policy=LOCAL)
    story.go()
    assert story.end_of("a").why == "no host is in the group large; there are Default"
    assert story.finished().conclusion == "error"


def test_a_group_needs_a_name():
    story = Story(plan(job("a", runs_on={"group": "${{ github.event }}"})))
    story.go()
    assert story.result("a") == ("failure", "failure")
