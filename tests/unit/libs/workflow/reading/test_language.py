"""The keys beyond the first slice: what they become in the model, by the forms that they have."""

import pytest

from libs.workflow.expressions import Scope, evaluate_string
from libs.workflow.model import (
    CallInput,
    CallOutput,
    CallSecret,
    CallTrigger,
    Credentials,
    EventTrigger,
    Job,
    On,
    PatternFilter,
    Step,
    Workflow,
)
from libs.workflow.reading.workflow import read_workflow
from tests.unit.libs.workflow.workflows import minimal, with_job, with_jobs, with_on, with_step, with_top


def read(text: str) -> Workflow:
    reading = read_workflow("w.yml", text.encode())
    assert reading.workflow is not None, [problem.render() for problem in reading.problems]
    return reading.workflow


def job(lines: str) -> Job:
    return read(with_job(lines)).jobs[0]


def steps(lines: str) -> tuple[Step, ...]:
    return read(f"on: push\njobs:\n  a:\n    runs-on: x\n    steps: [{lines}]\n").jobs[0].steps


def on(settings: str) -> On:
    return read(with_on(settings)).on


def test_workflow_run() -> None:
    trigger = on("workflow_run: {workflows: [CI], types: completed, branches-ignore: [x]}").events["workflow_run"]

    assert trigger == EventTrigger(
        types=("completed",), workflows=("CI",), branches=PatternFilter(patterns=None, ignored=("x",))
    )


def test_a_workflow_run_that_names_no_workflow_waits_for_none() -> None:
    assert read(minimal.replace("on: push", "on: workflow_run")).on.events["workflow_run"].workflows == ()


def test_image_version() -> None:
    trigger = on("image_version: {types: [ready], names: a, versions: ['1.*']}").events["image_version"]

    assert trigger == EventTrigger(types=("ready",), names=("a",), versions=("1.*",))


def test_the_types_of_a_repository_dispatch_are_free() -> None:
    assert on("repository_dispatch: {types: [anything goes]}").events["repository_dispatch"].types == ("anything goes",)


def test_schedule() -> None:
    schedule = on("schedule:\n  - cron: '0 5 * * MON-FRI'\n  - {cron: 30 0 1 */2 *, timezone: Europe/Berlin}").schedule

    assert [(entry.cron, entry.timezone, entry.at.line) for entry in schedule] == [
        ("0 5 * * MON-FRI", None, 3),
        ("30 0 1 */2 *", "Europe/Berlin", 4),
    ]


def test_workflow_call() -> None:
    call = on(
        "workflow_call:\n"
        "  inputs:\n"
        "    a: {type: string, required: true, description: d}\n"
        "    b: {type: boolean, default: true}\n"
        "    c: {type: number, default: '${{ vars.n }}'}\n"
        "  secrets: {s: , t: {required: true}}\n"
        "  outputs: {o: {value: '${{ jobs.a.outputs.x }}', description: e}}"
    ).workflow_call

    assert call == CallTrigger(
        inputs=(
            CallInput("a", "string", required=True, description="d"),
            CallInput("b", "boolean", default=True),
            CallInput("c", "number", default="${{ vars.n }}"),
        ),
        secrets=(CallSecret("s"), CallSecret("t", required=True)),
        outputs=(CallOutput("o", "${{ jobs.a.outputs.x }}", "e"),),
    )


@pytest.mark.parametrize("name", ["release", "merge_group", "pull_request_target", "fork", "deployment_status"])
def test_an_event_by_its_name(name: str) -> None:
    assert read(minimal.replace("on: push", f"on: {name}")).on.events == {name: EventTrigger()}


def test_an_event_of_each_kind_has_its_name() -> None:
    found = on(
        "push:\nschedule: [{cron: 0 0 * * *}]\nworkflow_call:\nworkflow_dispatch:\nrelease: {types: [published]}"
    )

    assert found.names() == ("push", "release", "schedule", "workflow_call", "workflow_dispatch")


def test_inputs_of_a_call_and_of_a_dispatch_are_both_inputs() -> None:
    text = with_on("workflow_call: {inputs: {a: {type: string}}}\nworkflow_dispatch: {inputs: {b: }}").replace(
        "{run: x}", "{run: '${{ inputs.a }} ${{ inputs.b }}'}"
    )

    assert read_workflow("w.yml", text.encode()).problems == ()


def test_a_call_has_no_host_of_its_own() -> None:
    call = read(
        with_jobs(
            "a:\n  uses: octo/x/.github/workflows/b.yml@v1\n  with: {x: 1, y: '${{ github.ref }}'}\n"
            "  secrets: {s: '${{ secrets.S }}'}\n  strategy: {matrix: {v: [1]}}"
        )
    ).jobs[0]

    assert call.uses == "octo/x/.github/workflows/b.yml@v1"
    assert call.with_ == {"x": 1, "y": "${{ github.ref }}"}
    assert call.secrets == {"s": "${{ secrets.S }}"}
    assert call.steps == ()


@pytest.mark.parametrize("uses", ["./.github/workflows/b.yml", "$/.github/workflows/b.yaml"])
def test_a_call_of_the_same_repository(uses: str) -> None:
    called = read(with_jobs(f"a: {{uses: {uses}, secrets: inherit}}")).jobs[0]

    assert (called.uses, called.secrets) == (uses, "inherit")


def test_concurrency_by_its_group_alone() -> None:
    found = read(with_top("concurrency: ${{ github.workflow }}-x")).concurrency

    assert found is not None
    assert (found.group, found.cancel_in_progress, found.queue) == ("${{ github.workflow }}-x", False, "single")


def test_concurrency_of_a_job() -> None:
    found = job("concurrency: {group: g, cancel-in-progress: '${{ matrix.x }}', queue: max}").concurrency

    assert found is not None
    assert (found.group, found.cancel_in_progress, found.queue) == ("g", "${{ matrix.x }}", "max")


def test_environment() -> None:
    found = job("environment: {name: prod, url: '${{ steps.a.outputs.u }}', deployment: false}").environment

    assert found is not None
    assert (found.name, found.url, found.deployment) == ("prod", "${{ steps.a.outputs.u }}", False)


def test_an_empty_environment_is_none() -> None:
    assert job("environment: ''").environment is None


def test_container_by_its_image_alone() -> None:
    found = job("container: node:${{ vars.v }}").container

    assert found is not None
    assert found.image == "node:${{ vars.v }}"


def test_an_empty_container_is_none() -> None:
    assert job("container: ''").container is None


def test_container_of_every_key() -> None:
    found = job(
        "container:\n  image: i\n  env: {A: '${{ secrets.A }}'}\n  ports: [80, '8080:80']\n  volumes: [/a:/b]\n"
        "  options: --cpus 1\n  credentials: {username: u, password: '${{ secrets.P }}'}"
    ).container

    assert found is not None
    assert (found.env, found.ports, found.volumes) == ({"A": "${{ secrets.A }}"}, ("80", "8080:80"), ("/a:/b",))
    assert (found.options, found.credentials) == ("--cpus 1", Credentials("u", "${{ secrets.P }}"))


def test_services() -> None:
    services = job("services: {db: postgres, web: {image: w, entrypoint: /e, command: -v}}").services

    assert isinstance(services, dict)
    assert [(name, service.image) for name, service in services.items()] == [("db", "postgres"), ("web", "w")]
    assert (services["web"].entrypoint, services["web"].command) == ("/e", "-v")


def test_services_of_one_expression() -> None:
    assert job("services: ${{ fromJSON(vars.s) }}").services == "${{ fromJSON(vars.s) }}"


def test_a_group_of_hosts() -> None:
    text = with_jobs("a: {runs-on: {group: org/big, labels: [l]}, steps: [{run: x}]}")
    found = read(text).jobs[0].runs_on

    assert (found.group, found.labels) == ("org/big", ("l",))


def test_cancel_timeout() -> None:
    assert job("cancel-timeout-minutes: 3").cancel_timeout_minutes == 3


def test_background_steps() -> None:
    found = steps(
        "{id: a, run: x, background: true}, {id: b, uses: ./b, background: true}, {wait: a}, {wait: [a, b]}, "
        "{wait-all: , name: n}, {cancel: b, continue-on-error: true}"
    )

    assert [step.background for step in found[:2]] == [True, True]
    assert [step.wait for step in found[2:4]] == [("a",), ("a", "b")]
    assert found[4].wait_all is True
    assert found[5].cancel == "b"


def test_parallel_steps() -> None:
    found = steps("{parallel: [{id: a, run: x}, {uses: o/r@v1}]}, {run: '${{ steps.a.outputs.o }}'}")

    assert [(step.run, step.uses) for step in found[0].parallel] == [("x", None), (None, "o/r@v1")]


@pytest.mark.parametrize(
    "uses", ["./a", "$/a/b", "docker://alpine:3", "o/r@v1", "o/r/sub/dir@main", "o/r@feature/x", ".\\a"]
)
def test_the_forms_of_uses(uses: str) -> None:
    assert read(with_step(f"uses: {uses}")).jobs[0].steps[0].uses == uses


def test_names_by_expressions() -> None:
    key, value = "${{ insert }}", "${{ fromJSON(vars.e) }}"

    assert job(f"env: {{'{key}': '{value}', B: c}}").env == {key: value, "B": "c"}
    assert read(with_step(f"uses: ./a\nwith: {{'{key}': '{value}'}}")).jobs[0].steps[0].with_ == {key: value}
    assert job(f"strategy: {{matrix: {{'${{{{ vars.k }}}}': [1], '{key}': '{value}'}}}}").strategy is not None


def test_mappings_by_one_expression() -> None:
    assert read(with_top("env: ${{ fromJSON(vars.e) }}")).env == "${{ fromJSON(vars.e) }}"
    assert read(with_step("uses: ./a\nwith: ${{ fromJSON('{}') }}")).jobs[0].steps[0].with_ == "${{ fromJSON('{}') }}"


def test_a_snapshot() -> None:
    found = job("snapshot: {image-name: i, version: '2.*', if: github.ref == 'x'}").snapshot

    assert found is not None
    assert (found.image_name, found.version, found.condition) == ("i", "2.*", "github.ref == 'x'")


def test_a_description_of_the_workflow() -> None:
    assert read_workflow("w.yml", with_top("description: d").encode()).problems == ()


def test_mappings_with_known_keys_by_one_expression() -> None:
    found = job(
        "strategy: ${{ fromJSON(vars.s) }}\ndefaults: {run: '${{ fromJSON(vars.d) }}'}\n"
        "container: {image: i, credentials: '${{ fromJSON(vars.c) }}'}"
    )
    scope = Scope(
        {
            "vars": {
                "s": '{"matrix": {"a": [1]}, "fail-fast": false}',
                "d": '{"shell": "sh"}',
                "c": '{"username": "u", "password": "p"}',
            }
        }
    )

    assert found.strategy is not None
    assert found.container is not None
    assert found.container.credentials is not None
    values = (
        found.strategy.matrix,
        found.strategy.fail_fast,
        found.strategy.max_parallel,
        found.defaults.shell,
        found.defaults.working_directory,
        found.container.credentials.username,
        found.container.credentials.password,
    )
    assert [evaluate_string(str(value), scope) for value in values] == [
        {"a": [1]}, False, 256, "sh", None, "u", "p",
    ]  # fmt: skip
