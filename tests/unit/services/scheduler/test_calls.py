"""Jobs that call a workflow: its jobs are the run's, and the call is over when they are."""

from __future__ import annotations

import itertools
import time

import pytest

from libs.contracts.ids import Cause, JobKey
from libs.contracts.plan import CalledInput, CalledWorkflow, Concurrency, Environment, PlannedJob
from libs.contracts.run import CallExpanded, JobCancelRequested, JobQueued, JobSkipped
from services.scheduler.calls import MAX_JOBS
from services.scheduler.grants import least, permissions_of, secrets_of
from services.scheduler.orders import order_of
from tests.unit.services.scheduler.story import Story, job, matrix, on_hosts, plan, types

LIBRARY = "octo/demo/.github/workflows/library.yml@" + "a" * 40
INNER = "octo/demo/.github/workflows/inner.yml@" + "a" * 40


def called(*jobs: PlannedJob, path: str = ".github/workflows/library.yml", **fields: object) -> CalledWorkflow:
    values: dict[str, object] = {"repository": "octo/demo", "path": path, "ref": "a" * 40, "sha": "a" * 40, "name": "L"}
    return CalledWorkflow(**{**values, "jobs": jobs, **fields})


def call(id: str, *, calls: str = LIBRARY, **fields: object) -> PlannedJob:
    return job(id, steps=0, uses="./.github/workflows/library.yml", calls=calls, **fields)


def calling(library: CalledWorkflow, *jobs: PlannedJob, **fields: object) -> Story:
    story = Story(plan(*jobs, called={LIBRARY: library, **fields.pop("more", {})}, **fields))
    story.go()
    return story


def inputs_of(story: Story, key: str) -> object:
    return next(event for event in story.events if isinstance(event, CallExpanded) and event.job == key).inputs


def test_the_called_jobs_are_the_runs_under_their_callers_key_and_name():
    story = calling(called(job("a", name="First"), job("b", needs=("a",))), call("lib", name="Library"))
    assert types(story.events) == ["RunStarted", "CallExpanded", "JobQueued", "JobAssigned"]
    assert list(story.run.jobs) == ["lib", "lib~a", "lib~b"]
    assert on_hosts(story.run) == ["Library / First"]
    assert (story.job("lib").phase, story.job("lib~b").phase) == ("calling", "waiting")
    story.does("lib~a")
    assert on_hosts(story.run) == ["Library / b"]
    assert types(story.does("lib~b")) == ["JobFinished", "JobFinished", "RunFinished"]
    assert (story.result("lib"), story.finished().conclusion, story.finished().steps_run) == (
        ("success", "success"),
        "success",
        2,
    )


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        (("success", "success"), "success"),
        (("success", "failure"), "failure"),
        (("failure", "error"), "error"),
        (("cancellation", "success"), "cancellation"),
    ],
)
def test_a_call_ends_as_the_worst_of_its_jobs(outcomes: tuple[str, str], expected: str):
    story = calling(called(job("a"), job("b")), call("lib"), job("after", needs=("lib",)))
    for key, outcome in zip(("lib~a", "lib~b"), outcomes, strict=True):
        while story.job(key).phase == "assigned":  # an error is tried again
            story.does(key, outcome)  # type: ignore[arg-type]
    assert story.job("lib").conclusion == expected
    assert (story.job("after").phase == "assigned") is (expected == "success")


def test_a_job_of_a_called_workflow_may_fail_where_continue_on_error_says_so():
    story = calling(called(job("a", continue_on_error=True)), call("lib"))
    story.does("lib~a", "failure")
    assert story.job("lib").conclusion == "success"


def test_a_call_of_which_every_job_is_skipped_is_skipped_and_so_is_what_needs_it():
    story = calling(called(job("a", if_="false")), call("lib"), job("after", needs=("lib",)))
    assert story.end_of("lib").why == "every job of the called workflow was skipped"
    assert story.job("lib").conclusion == "skip"
    assert isinstance(story.end_of("after"), JobSkipped)


def test_a_call_whose_if_is_false_calls_nothing():
    story = calling(called(job("a")), call("lib", if_="github.ref == 'refs/heads/other'"))
    assert list(story.run.jobs) == ["lib"]
    assert isinstance(story.end_of("lib"), JobSkipped)


def test_status_functions_look_at_the_jobs_own_workflow():
    """`lib` runs although `first` failed; inside of it nothing has."""
    library = called(job("a"), job("b", needs=("a",), if_="success()"), job("c", if_="failure()"))
    story = calling(library, job("first"), call("lib", needs=("first",), if_="always()"))
    story.does("first", "failure")
    story.does("lib~a")
    assert on_hosts(story.run) == ["lib / b"]
    assert isinstance(story.end_of("lib~c"), JobSkipped)


def test_inputs_are_evaluated_typed_and_defaulted():
    declared = {
        "name": CalledInput("string", required=True),
        "Count": CalledInput("number"),
        "deep": CalledInput("boolean", default="${{ github.ref == 'refs/heads/main' }}"),
        "flag": CalledInput("boolean"),
        "text": CalledInput("string"),
        "fixed": CalledInput("number", default=7),
    }
    given = {"NAME": "${{ needs.first.outputs.name }}-${{ inputs.mine }}", "count": "${{ fromJSON('3') }}", "text": 5}
    library = called(job("a", name="${{ inputs.name }} ${{ inputs.count }}"), inputs=declared)
    story = calling(library, job("first"), call("lib", needs=("first",), with_=given), inputs={"mine": "x"})
    story.does("first", outputs={"name": "n"})
    wanted = {"name": "n-x", "Count": 3, "deep": True, "flag": False, "text": "5", "fixed": 7}
    assert inputs_of(story, "lib") == wanted
    assert on_hosts(story.run) == ["lib / n-x 3"]
    assert order_of(story.run, JobKey("lib~a"), Cause("c")).inputs == wanted


@pytest.mark.parametrize(
    ("type_", "given", "why"),
    [
        ("boolean", "${{ 'true' }}", "is a boolean, not a string (fromJSON makes one of text)"),
        ("number", "${{ 'x' }}", "is a number, not a string"),
        ("number", True, "is a number, not a boolean"),
        ("string", "${{ github.event }}", "is a string, not an object"),
        ("string", "${{ fromJSON('[') }}", "`with` of job lib (line 5)"),
        ("string", None, "is required, and it is not given"),
    ],
)
def test_an_input_that_does_not_fit_fails_the_call(type_: str, given: object, why: str):
    story = calling(called(job("a"), inputs={"x": CalledInput(type_, required=True)}), call("lib", with_={"x": given}))
    assert story.job("lib").conclusion == "failure"
    assert why in story.end_of("lib").why
    assert list(story.run.jobs) == ["lib"]


def test_inputs_that_no_event_could_hold_fail_the_call():
    library = called(job("a"), inputs={"x": CalledInput("string")})
    text = "${{ needs.first.outputs.x }}"
    story = calling(library, job("first"), call("lib", needs=("first",), with_={"x": text}))
    story.does("first", outputs={"x": "x" * 1_000_000})
    assert story.job("lib").conclusion == "failure"
    assert "its values are over 262144 characters together" in story.end_of("lib").why


def test_a_name_made_of_a_large_output_is_cut():
    name = "${{ needs.first.outputs.x }}"
    story = calling(called(job("a", name="${{ inputs.x }}")), job("first"), call("lib", needs=("first",), name=name))
    story.does("first", outputs={"x": "x" * 1_000_000})
    assert story.job("lib").name == "x" * 1197 + "..."
    assert len(on_hosts(story.run)[0]) == 1200


def test_outputs_go_up_and_are_merged():
    library = called(
        job("a"),
        job("b", needs=("a",), if_="false"),
        outputs={"out": "${{ jobs.a.outputs.x }}!", "none": "${{ jobs.b.outputs.y }}", "how": "${{ jobs.b.result }}"},
    )
    story = calling(library, call("lib"), job("after", name="${{ needs.lib.outputs.out }}", needs=("lib",)))
    story.does("lib~a", outputs={"x": "1"})
    assert story.job("lib").outputs == {"out": "1!", "how": "skipped"}
    assert on_hosts(story.run) == ["1!"]


def test_outputs_go_through_two_levels():
    inner = called(job("leaf"), outputs={"x": "${{ jobs.leaf.outputs.x }}"}, path=".github/workflows/inner.yml")
    outer = called(call("mid", calls=INNER), outputs={"x": "<${{ jobs.mid.outputs.x }}>"})
    story = calling(outer, call("lib"), more={INNER: inner})
    assert on_hosts(story.run) == ["lib / mid / leaf"]
    story.does("lib~mid~leaf", outputs={"x": "deep"})
    assert story.job("lib").outputs == {"x": "<deep>"}
    assert story.finished().conclusion == "success"


def test_outputs_that_cannot_be_evaluated_fail_the_call():
    story = calling(called(job("a"), outputs={"x": "${{ fromJSON('{') }}"}), call("lib"))
    story.does("lib~a")
    assert story.result("lib") == ("failure", "failure")
    assert "output `x` of .github/workflows/library.yml" in story.end_of("lib").why


def test_a_matrix_of_calls_calls_once_a_combination_and_the_called_jobs_do_not_see_the_matrix():
    library = called(job("a", name="${{ inputs.os }}"), inputs={"os": CalledInput("string")})
    strategy = matrix({"os": ["linux", "mac"]})
    story = calling(library, call("lib", strategy=strategy, with_={"os": "${{ matrix.os }}"}))
    assert on_hosts(story.run) == ["lib (linux) / linux", "lib (mac) / mac"]
    assert order_of(story.run, story.job("lib (mac) / mac").key, Cause("c")).matrix is None


def test_a_called_job_may_have_a_matrix_of_its_own_from_an_input():
    library = called(
        job("a", strategy=matrix({"v": "${{ fromJSON(inputs.list) }}"})), inputs={"list": CalledInput("string")}
    )
    story = calling(library, call("lib", with_={"list": "[1, 2]"}))
    assert on_hosts(story.run) == ["lib / a (1)", "lib / a (2)"]


def test_max_parallel_counts_calls_whatever_number_of_jobs_each_has():
    strategy = matrix({"n": [1, 2, 3]}, max_parallel=1)
    story = calling(called(job("a"), job("b")), call("lib", strategy=strategy))
    assert on_hosts(story.run) == ["lib (1) / a", "lib (1) / b"]
    story.does("lib (1) / a")
    assert on_hosts(story.run) == ["lib (1) / b"]
    story.does("lib (1) / b")
    assert on_hosts(story.run) == ["lib (2) / a", "lib (2) / b"]


def test_fail_fast_cancels_the_sibling_calls_with_their_jobs():
    library = called(job("a"), job("b", needs=("a",)), job("clean", needs=("a",), if_="always()"))
    story = calling(library, call("lib", strategy=matrix({"n": [1, 2]})))
    story.does("lib (1) / a", "failure")
    story.does("lib (1) / clean")
    stopped = [event.job for event in story.events if isinstance(event, JobCancelRequested)]
    assert stopped == [story.job("lib (2)").key, story.job("lib (2) / a").key]
    two = story.job("lib (2) / a").key
    story.starts(two).steps(two, "cancellation").ends(two, "cancellation").go()
    assert story.end_of("lib (2) / b").why == "the call of its workflow was cancelled"
    assert on_hosts(story.run) == ["lib (2) / clean"]
    story.does("lib (2) / clean")
    assert (story.job("lib (2)").conclusion, story.finished().conclusion) == ("cancellation", "failure")


def test_without_fail_fast_the_siblings_go_on():
    story = calling(called(job("a")), call("lib", strategy=matrix({"n": [1, 2]}, fail_fast=False)))
    story.does("lib (1) / a", "failure")
    assert on_hosts(story.run) == ["lib (2) / a"]


def test_a_cancelled_run_stops_called_jobs_and_runs_those_of_always():
    story = calling(called(job("a"), job("b", needs=("a",)), job("clean", needs=("a",), if_="always()")), call("lib"))
    story.cancel()
    story.starts("lib~a").steps("lib~a", "cancellation").ends("lib~a", "cancellation").go()
    assert on_hosts(story.run) == ["lib / clean"]
    story.does("lib~clean")
    assert (story.job("lib").conclusion, story.finished().conclusion) == ("cancellation", "cancellation")


def test_a_rerun_of_failed_jobs_takes_the_called_job_and_what_needs_it_inside_and_outside():
    library = called(job("good"), job("bad"), job("next", needs=("bad",)))
    story = calling(library, call("lib"), job("after", needs=("lib",)), job("apart"))
    story.does("apart")
    story.does("lib~good")
    story.does("lib~bad", "failure")
    assert story.finished().conclusion == "failure"
    events = story.rerun(failed=True)
    assert events[0].jobs == ("lib", "lib~bad", "lib~next", "after")
    assert story.job("lib").phase == "calling"
    assert story.job("lib~good").conclusion == "success"
    story.does("lib~bad")
    story.does("lib~next")
    story.does("after")
    assert (story.job("lib").conclusion, story.finished().conclusion) == ("success", "success")
    assert story.run.numbers["lib~bad"] == 2


def test_a_rerun_of_a_call_calls_anew():
    library = called(job("a", strategy=matrix({"n": [1, 2]})), job("b"))
    story = calling(library, call("lib"), job("after", needs=("lib",)))
    for name in ("lib / a (1)", "lib / a (2)", "lib / b", "after"):
        story.does(name)
    story.rerun(jobs=("lib",))
    assert [type(event).__name__ for event in story.events if isinstance(event, CallExpanded)] == ["CallExpanded"] * 2
    assert on_hosts(story.run) == ["lib / a (1)", "lib / a (2)", "lib / b"]
    assert story.job("after").phase == "waiting"
    for name in ("lib / a (1)", "lib / a (2)", "lib / b", "after"):
        story.does(name)
    assert story.finished().run_attempt == 2


def test_a_rerun_of_all_begins_with_what_the_file_has():
    story = calling(called(job("a")), call("lib"))
    story.does("lib~a")
    story.rerun()
    assert on_hosts(story.run) == ["lib / a"]


def test_an_order_says_which_workflow_the_job_stands_in():
    library = called(job("a", needs=()), job("b", needs=("a",)), env={"E": "1"}, ref="v1")
    story = calling(library, call("lib"), env={"MINE": "1"}, workflow_path="x.yml")
    order = order_of(story.run, JobKey("lib~a"), Cause("c"))
    assert (order.planned.id, order.name, order.env) == ("a", "lib / a", {"E": "1"})
    assert order.workflow is not None
    assert (order.workflow.path, order.workflow.ref) == (".github/workflows/library.yml", "v1")
    story.does("lib~a", outputs={"x": "1"})
    assert order_of(story.run, JobKey("lib~b"), Cause("c")).needs == {"a": {"result": "success", "outputs": {"x": "1"}}}


@pytest.mark.row("calls: permissions")
@pytest.mark.parametrize(
    ("above", "own", "least_of_both"),
    [
        (None, None, None),
        (None, {"contents": "write"}, {"contents": "write"}),
        ({"contents": "read"}, None, {"contents": "read"}),
        ({"contents": "read"}, {"contents": "write", "issues": "write"}, {"contents": "read", "issues": "none"}),
        ({"all": "read"}, {"contents": "write"}, {"contents": "read"}),
        ({"contents": "write"}, {"all": "read"}, {"contents": "read"}),
        ({"all": "write"}, {"all": "read"}, {"all": "read"}),
        ({}, {"all": "write"}, {}),
    ],
)
def test_permissions_are_only_ever_reduced(above: object, own: object, least_of_both: object):
    assert least(above, own) == least_of_both  # type: ignore[arg-type]


@pytest.mark.row("calls: permissions")
def test_permissions_go_down_the_chain():
    inner = called(job("leaf", permissions={"contents": "write"}), path="i.yml", permissions={"contents": "write"})
    outer = called(call("mid", calls=INNER), permissions={"contents": "read", "issues": "write"})
    story = calling(outer, call("lib", permissions={"contents": "write"}), more={INNER: inner})
    assert permissions_of(story.run, "lib~mid~leaf") == {"contents": "read", "issues": "none"}


@pytest.mark.row("calls: secrets")
def test_secrets_are_passed_on_by_name_or_all_at_once():
    given = {"GITHUB_TOKEN": "t", "A": "1", "B": "2"}
    inner = called(job("leaf"), path="i.yml", secrets={"deep": True})
    outer = called(call("mid", calls=INNER, secrets={"deep": "${{ secrets.mine }}+"}), secrets={"mine": True})
    story = calling(outer, call("lib", secrets={"MINE": "${{ secrets.A }}"}), more={INNER: inner})
    assert secrets_of(story.run, "lib", given) == given
    assert secrets_of(story.run, "lib~mid", given) == {"GITHUB_TOKEN": "t", "mine": "1"}
    assert secrets_of(story.run, "lib~mid~leaf", given) == {"GITHUB_TOKEN": "t", "deep": "1+"}
    story = calling(called(job("a")), call("lib", secrets="inherit"))
    assert secrets_of(story.run, "lib~a", given) == given
    story = calling(called(job("a")), call("lib"))
    assert secrets_of(story.run, "lib~a", given) == {"GITHUB_TOKEN": "t"}


def test_a_key_of_ten_levels_is_still_a_name_of_a_file():
    long = "j" * 99
    names = [f"octo/demo/{level}.yml@{'a' * 40}" for level in range(9)]
    levels = {name: called(call(long, calls=following)) for name, following in itertools.pairwise(names)}
    story = Story(plan(call(long, calls=names[0]), called={**levels, names[-1]: called(job(long))}))
    story.go()
    (leaf,) = [each for each in story.run.jobs.values() if each.phase == "assigned"]
    assert len(leaf.key) <= 200
    assert leaf.name == " / ".join([long] * 10)
    story.does(leaf.key)
    assert story.finished().conclusion == "success"


def test_a_call_that_the_plan_lacks_is_our_error():
    story = calling(called(job("a")), call("lib", calls="nowhere"))
    assert story.result("lib") == ("error", "error")


def test_a_queued_job_carries_no_concurrency_of_its_caller():
    """Gates are asked of the job itself: a called job has its own keys alone."""
    story = calling(called(job("a")), call("lib", concurrency=Concurrency("g")))
    story.group("g", story.member("lib")).go()
    assert [event.job for event in story.events if isinstance(event, JobQueued)] == ["lib~a"]


def test_a_matrix_of_256_calls_costs_little():
    """Twenty times what it takes here; the square of its size would be far more."""
    library = called(*(job(f"j{number}") for number in range(4)))
    story = Story(plan(call("lib", strategy=matrix({"n": list(range(256))})), called={LIBRARY: library}))
    began = time.perf_counter()
    story.decide()
    assert len(story.run.jobs) == 256 * 5
    assert time.perf_counter() - began < 2


def test_more_jobs_than_a_run_may_have_fail_the_call():
    library = called(*(job(f"j{number}") for number in range(100)))
    story = calling(library, call("lib", strategy=matrix({"n": list(range(60))}, fail_fast=False)))
    assert len(story.run.jobs) <= MAX_JOBS
    failed = [job for job in story.run.of("lib") if job.conclusion == "failure"]
    assert failed
    assert "over 5000 jobs" in failed[0].why


def test_a_rerun_may_name_a_job_as_it_is_shown():
    story = calling(called(job("a"), job("b")), call("lib", name="Library"))
    story.does("lib~a")
    story.does("lib~b")
    assert story.rerun(jobs=("Library / b",))[0].jobs == ("lib", "lib~b")


@pytest.mark.row("jobs: environment reviewers", "calls: inputs")
def test_a_called_job_waits_for_a_reviewer_of_the_environment_that_an_input_names():
    library = called(job("deploy", environment=Environment("${{ inputs.to }}")), inputs={"to": CalledInput("string")})
    story = Story(plan(call("lib", with_={"to": "prod"}), job("after", needs=("lib",)), called={LIBRARY: library}))
    story.protect("prod", reviewers=("monalisa",))
    story.go()
    assert on_hosts(story.run) == []
    assert (story.job("lib").phase, story.job("lib~deploy").phase) == ("calling", "waiting")
    story.approve("monalisa")
    assert on_hosts(story.run) == ["lib / deploy"]
    story.does("lib~deploy")
    assert on_hosts(story.run) == ["after"]
