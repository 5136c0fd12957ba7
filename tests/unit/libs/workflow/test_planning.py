"""A workflow and an event to the plan: what goes along as written, and what the event fixes."""

import msgspec
import pytest

from libs.contracts.ids import RepositoryId, RunId
from libs.contracts.plan import DEFAULT_TIMEOUT_MINUTES, Plan, PlannedJob, Repository
from libs.workflow.model import Workflow
from libs.workflow.planning import Occasion, RunNameError, make_plan
from libs.workflow.reading.workflow import read_workflow
from tests.unit.libs.workflow.workflows import minimal, with_top

everything = """
name: CI
run-name: Deploy ${{ inputs.target }} by ${{ github.actor }}
on:
  workflow_dispatch: {inputs: {target: {default: prod}}}
env: {A: 1, B: '${{ github.sha }}'}
defaults: {run: {shell: bash}}
jobs:
  build:
    name: Build ${{ matrix.os }}
    runs-on: [linux, '${{ matrix.os }}']
    if: github.ref == 'x'
    strategy:
      matrix: {os: [a, b], exclude: [{os: b}]}
      fail-fast: false
      max-parallel: 2
    env: {C: d}
    outputs: {o: '${{ steps.s.outputs.o }}'}
    continue-on-error: ${{ matrix.os == 'a' }}
    timeout-minutes: 5
    steps:
      - uses: actions/checkout@v4
        with: {fetch-depth: 0, ref: '${{ github.sha }}'}
      - id: s
        name: Step
        if: success()
        run: echo
        shell: sh
        working-directory: src
        env: {D: true, E: null}
        continue-on-error: true
        timeout-minutes: 0.5
  test:
    needs: BUILD
    runs-on: ${{ vars.label }}
    defaults: {run: {working-directory: test}}
    steps: [{run: x}]
"""


def workflow(text: str) -> Workflow:
    reading = read_workflow(".github/workflows/w.yml", text.encode())
    assert reading.workflow is not None, reading.problems
    return reading.workflow


def occasion(**changes: object) -> Occasion:
    base = Occasion(
        run_id=RunId(7),
        run_number=3,
        repository=Repository(RepositoryId(1), "o", "r"),
        event="push",
        sha="a" * 40,
        ref="refs/heads/main",
        trust="own",
        actor="mona",
        github={"actor": "mona", "sha": "a" * 40, "event": {"x": 1}},
    )
    return msgspec.structs.replace(base, **changes)


def test_everything_goes_along_as_written() -> None:
    plan = make_plan(workflow(everything), occasion(inputs={"target": "prod"}, vars={"label": "x"}))
    build, test = plan.jobs

    assert (plan.workflow_path, plan.workflow_name) == (".github/workflows/w.yml", "CI")
    assert plan.run_name == "Deploy prod by mona"
    assert plan.env == {"A": 1, "B": "${{ github.sha }}"}
    assert plan.defaults.shell == "bash"
    assert (plan.inputs, plan.vars) == ({"target": "prod"}, {"label": "x"})
    assert (build.id, build.name, build.line) == ("build", "Build ${{ matrix.os }}", 9)
    assert build.runs_on == ["linux", "${{ matrix.os }}"]
    assert build.if_ == "github.ref == 'x'"
    assert build.strategy is not None
    assert build.strategy.matrix == {"os": ["a", "b"], "exclude": [{"os": "b"}]}
    assert (build.strategy.fail_fast, build.strategy.max_parallel) == (False, 2)
    assert build.outputs == {"o": "${{ steps.s.outputs.o }}"}
    assert (build.timeout_minutes, build.continue_on_error) == (5, "${{ matrix.os == 'a' }}")
    assert (test.needs, test.runs_on) == (("build",), "${{ vars.label }}")
    assert test.defaults.working_directory == "test"
    assert (test.timeout_minutes, test.strategy) == (DEFAULT_TIMEOUT_MINUTES, None)


def test_every_step_has_its_place_and_its_keys() -> None:
    checkout, step = make_plan(workflow(everything), occasion()).jobs[0].steps

    assert (checkout.index, checkout.line, checkout.uses) == (0, 22, "actions/checkout@v4")
    assert checkout.with_ == {"fetch-depth": 0, "ref": "${{ github.sha }}"}
    assert (step.index, step.line, step.id, step.name, step.if_) == (1, 24, "s", "Step", "success()")
    assert (step.run, step.shell, step.working_directory) == ("echo", "sh", "src")
    assert step.env == {"D": True, "E": None}
    assert (step.continue_on_error, step.timeout_minutes) == (True, 0.5)


def test_the_same_arguments_give_the_same_bytes() -> None:
    first = msgspec.json.encode(make_plan(workflow(everything), occasion()))
    second = msgspec.json.encode(make_plan(workflow(everything), occasion()))

    assert first == second
    assert msgspec.json.encode(msgspec.json.decode(first, type=Plan)) == first


@pytest.mark.parametrize(
    ("text", "title", "name"),
    [
        (minimal, "", ".github/workflows/w.yml"),
        (minimal, "Fix it\n\nat last", "Fix it"),
        (with_top("name: CI"), "", "CI"),
        (with_top("run-name: '  '"), "Fix it", "Fix it"),
        (with_top("run-name: ${{ github.nothing }}"), "Fix it", "Fix it"),
        (with_top("run-name: by ${{ github.actor }}"), "Fix it", "by mona"),
        (with_top("run-name: " + "x" * 2000), "", "x" * 1000),
    ],
)
def test_a_run_is_named_by_its_workflow_or_by_what_happened(text: str, title: str, name: str) -> None:
    assert make_plan(workflow(text), occasion(title=title)).run_name == name


def test_a_run_name_that_cannot_be_evaluated_says_where() -> None:
    broken = workflow(with_top("run-name: a ${{ fromJSON(github.actor) }}"))

    with pytest.raises(RunNameError) as caught:
        make_plan(broken, occasion())

    problem = caught.value.problem
    assert (problem.file, problem.line, problem.column) == (".github/workflows/w.yml", 3, 11)


def test_numbers_that_json_cannot_carry_become_github_s_words() -> None:
    plan = make_plan(workflow(with_top("env: {A: .inf, B: .nan}")), occasion())

    assert plan.env == {"A": "Infinity", "B": "NaN"}


def test_a_job_without_anything_is_planned_with_githubs_defaults() -> None:
    job = make_plan(workflow(minimal), occasion()).jobs[0]

    assert job == PlannedJob(id="a", line=2, runs_on=["x"], steps=job.steps)
