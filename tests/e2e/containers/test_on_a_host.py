"""Jobs with containers under the driver `host`, with an engine that obeys podman's rules and isolates nothing."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from libs.contracts.orders import JobOrder
from services.vm_agent.sandbox.bubblewrap.driver import BubblewrapDriver
from services.vm_agent.sandbox.host import HostDriver
from services.vm_agent.sandbox.protocol import Sandbox, SandboxId, SandboxSpec
from tests.e2e.containers.test_in_a_machine import parts
from tests.e2e.vm_agent.harness import Bench, Ran, order, step
from tests.fakes.podman.host import FakeEngine

IMAGE = "docker.io/library/app:1"
SECRET = "s3cret-of-this-job"
SERVICE = {"image": "app:1"}
CONTAINER = {"image": "app:1"}


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    made = HostDriver(tmp_path / "sandboxes").create(SandboxSpec(SandboxId(f"test-{os.urandom(6).hex()}")))
    await made.start()
    yield made
    await made.destroy()


@pytest.fixture(params=["podman", "docker"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> FakeEngine:
    made = FakeEngine(tmp_path / "engine", request.param)
    made.offer(IMAGE, Env=["FROM_IMAGE=yes"], Cmd=["true"])
    return made


@pytest.fixture
def bench(sandbox: Sandbox, engine: FakeEngine, tmp_path: Path) -> Callable[..., Bench]:
    def make(given: JobOrder, **options: object) -> Bench:
        options = {"base_environment": engine.environment, **options}
        return Bench(sandbox, given, tmp_path, **options)  # pyright: ignore[reportArgumentType]

    return make


def job(*steps: dict[str, object], **planned: object) -> JobOrder:
    return order(*steps, planned=planned)


def whys(ran: Ran) -> dict[str, str]:
    return {one.name: one.why for one in ran.record.steps if one.why}


@pytest.mark.row("containers: container")
async def test_steps_run_in_the_jobs_container_and_nothing_is_left(
    bench: Callable[..., Bench], engine: FakeEngine
) -> None:
    given = job(
        step('echo "$GITHUB_WORKSPACE $HOME $FROM_IMAGE $OF_CONTAINER $OF_STEP"; pwd', env={"OF_STEP": "yes"}),
        step("echo in $SEEN", shell="bash", working_directory="sub"),
        container={**CONTAINER, "env": {"OF_CONTAINER": "${{ secrets.TOKEN }}"}, "options": "--cpus 1"},
        env={"DOCKER_HOST": "of-the-job"},
    )
    made = bench(given, secrets={"TOKEN": SECRET})
    await made.sandbox.make_folder(f"{made.places.workspace}/sub")
    ran = await made.run()

    assert ran.end.conclusion == "success", "\n".join(ran.lines)
    # The engine that isolates nothing has turned the paths back for the program itself.
    assert ran.printed(0)[0] == f"{made.places.workspace} {made.places.temp}/_github_home yes *** yes"
    assert ran.printed(1)[0] == "in /__w/demo/demo/sub bash --noprofile --norc -eo pipefail /__w/_temp/step_1.sh"
    assert engine.commands() == ["network create", "pull", "create", "start", "exec", "exec", "rm", "network rm"]
    assert engine.left() == []
    assert SECRET not in engine.seen
    assert "of-the-job" not in engine.seen
    assert parts(ran)[0] == ("setup", "Initialize containers")
    assert parts(ran)[-1] == ("setup", "Stop containers")


@pytest.mark.row("containers: container")
async def test_the_shell_that_nobody_names_is_sh_in_a_container(bench: Callable[..., Bench]) -> None:
    ran = await bench(job(step("echo $SEEN"), container=CONTAINER)).run()
    assert ran.printed(0)[0] == "/__w/demo/demo sh -e /__w/_temp/step_0.sh"


@pytest.mark.row("containers: services")
@pytest.mark.row("containers: ports")
@pytest.mark.row("containers: job contexts")
async def test_services_have_ports_and_ids_in_the_job_context(bench: Callable[..., Bench], engine: FakeEngine) -> None:
    asked = "${{ job.services.db.ports['5432'] }} ${{ job.services.web.ports[8080] }} ${{ job.services.web.network }}"
    given = job(
        step(f"echo {asked} '${{{{ job.services.db.id }}}}'; echo $HOME '${{{{ job.container.id }}}}'"),
        services={
            "db": {**SERVICE, "ports": ["5432"], "env": {"PASSWORD": "${{ secrets.TOKEN }}"}},
            "web": {**SERVICE, "ports": ["80:8080/tcp", ""]},
            "none": {"image": "${{ matrix.service }}"},
        },
    )
    made = bench(given, secrets={"TOKEN": SECRET})
    ran = await made.run()
    assert ran.end.conclusion == "success", "\n".join(ran.lines)
    port, outer, network, id = ran.printed(0)[0].split()
    assert (port, outer, network[:15], len(id)) == ("40000", "80", "github_network_", 64)
    assert ran.printed(0)[1] == f"{made.places.home} "
    assert SECRET not in engine.seen
    aliases = [words[words.index("--network-alias") + 1] for words in engine.calls if words[0] == "create"]
    assert aliases == ["db", "web"]
    assert engine.commands().count("pull") == 1


@pytest.mark.row("containers: options")
async def test_a_container_may_name_the_machine(bench: Callable[..., Bench]) -> None:
    given = job(step("true"), container={**CONTAINER, "options": "--add-host=host.docker.internal:host-gateway"})
    ran = await bench(given).run()
    assert ran.end.conclusion == "success", "\n".join(ran.lines)


@pytest.mark.row("containers: service entrypoint and command")
@pytest.mark.row("containers: volumes")
async def test_a_service_has_an_entrypoint_a_command_and_volumes(
    bench: Callable[..., Bench], engine: FakeEngine, tmp_path: Path
) -> None:
    service = {
        **SERVICE,
        "entrypoint": "/start fast",
        "command": 'serve --name "two words"',
        "volumes": ["/anonymous", "named:/data", f"{tmp_path}/missing:/bound:ro"],
    }
    ran = await bench(job(step("true"), services={"web": service})).run()
    assert ran.end.conclusion == "success", "\n".join(ran.lines)
    (create,) = [words for words in engine.calls if words[0] == "create"]
    assert create[-7:] == ["--entrypoint", "/start", IMAGE, "fast", "serve", "--name", "two words"]
    assert [create[n + 1] for n, word in enumerate(create) if word == "--volume"] == service["volumes"]
    assert (tmp_path / "missing").is_dir()
    assert any("log of" in line and "two words" in line for line in ran.lines)


@pytest.mark.row("containers: container")
@pytest.mark.parametrize("container", [{"image": ""}, {"image": "${{ matrix.image }}"}, {"image": "${{ null }}"}])
async def test_an_empty_image_is_no_container(
    bench: Callable[..., Bench], engine: FakeEngine, container: dict[str, object]
) -> None:
    made = bench(job(step("echo $HOME"), container=container))
    ran = await made.run()
    assert ran.printed(0)[0] == made.places.home
    assert engine.calls == []


@pytest.mark.row("containers: container")
async def test_an_expression_may_give_a_whole_container_and_all_services(
    bench: Callable[..., Bench], engine: FakeEngine
) -> None:
    given = job(
        step("echo $COLOUR '${{ job.services.web.ports[80] }}'"),
        container={"image": """${{ fromJSON('{"image": "app:1", "env": {"COLOUR": "${{ 1 }}"}}') }}"""},
        services="""${{ fromJSON('{"web": {"image": "app:1", "ports": [80]}}') }}""",
    )
    ran = await bench(given).run()
    assert ran.end.conclusion == "success", "\n".join(ran.lines)
    assert ran.printed(0)[0] == "${{ 1 }} 40000"


@pytest.mark.row("containers: health checks")
async def test_a_service_is_waited_for_until_it_is_healthy(bench: Callable[..., Bench], engine: FakeEngine) -> None:
    engine.offer(IMAGE, Health=3)
    ran = await bench(job(step("true"), services={"db": {**SERVICE, "options": "--health-retries 9"}})).run()
    assert ran.end.conclusion == "success"
    assert sum("db service is starting" in line for line in ran.lines) == 3
    assert "db service is healthy." in ran.lines


@pytest.mark.row("containers: health checks")
async def test_a_service_that_is_never_healthy_fails_the_job_and_shows_its_log(
    bench: Callable[..., Bench], engine: FakeEngine
) -> None:
    engine.offer(IMAGE, Health=1000)
    options = '--health-cmd "pg_isready -U me" --health-retries 2 --health-timeout 1s --health-interval 1s'
    given = job(step("true"), step("echo still", if_="always()"), services={"db": {**SERVICE, "options": options}})
    ran = await bench(given).run()
    assert ran.end.conclusion == "failure"
    assert "did not become healthy: db" in whys(ran)["Initialize containers"]
    assert any("log of" in line for line in ran.lines)
    assert {one.step: one.outcome for one in ran.record.steps if one.part == "main"} == {0: "skip", 1: "success"}
    assert engine.left() == []


@pytest.mark.row("containers: container")
@pytest.mark.parametrize(
    ("planned", "why"),
    [
        ({"container": {"image": "missing"}}, "container: the image missing could not be pulled: Error: initializing"),
        ({"container": {"image": "a b"}}, "container: 'a b' is no name of an image"),
        ({"container": {**CONTAINER, "options": "--network host"}}, "options: --network is not supported"),
        ({"container": {**CONTAINER, "options": "--nonsense"}}, "could not be made: Error: unknown flag: --nonsense"),
        ({"services": {"db": {**SERVICE, "ports": ["x"]}}}, "services.db: ports: 'x' is none"),
        ({"services": {"db": {**SERVICE, "volumes": ["x:y"]}}}, "services.db: volumes: 'x:y' is none"),
        ({"services": "${{ fromJSON('[1]') }}"}, "services: expected a mapping"),
        ({"container": {**CONTAINER, "env": {"A": "${{ fromJSON('{') }}"}}}, "ci.yml:10: "),
    ],
)
async def test_what_the_workflow_does_wrong_is_the_jobs_failure(
    bench: Callable[..., Bench], engine: FakeEngine, planned: dict[str, object], why: str
) -> None:
    ran = await bench(job(step("true"), **planned)).run()
    assert ran.end.conclusion == "failure"
    assert why in whys(ran)["Initialize containers"]
    assert [one.outcome for one in ran.record.steps if one.part == "main"] == ["skip"]
    assert engine.left() == []


async def test_no_step_runs_on_the_machine_when_its_container_did_not_start(bench: Callable[..., Bench]) -> None:
    given = job(step("echo on the machine", if_="always()"), container={"image": "missing"})
    ran = await bench(given).run()
    assert "on the machine" not in ran.lines
    assert "the job's container was not started" in ran.record.steps[1].why


async def test_a_pull_is_tried_three_times(bench: Callable[..., Bench], engine: FakeEngine) -> None:
    engine.offer(IMAGE, failures=2)
    ran = await bench(job(step("true"), container=CONTAINER)).run()
    assert ran.end.conclusion == "success"
    assert engine.commands().count("pull") == 3
    engine.offer("docker.io/library/flaky:latest", failures=3)
    ran = await bench(job(step("true"), container={"image": "flaky"})).run()
    assert ran.end.conclusion == "failure"


@pytest.mark.row("containers: credentials")
async def test_credentials_are_in_a_file_for_the_pull_alone(
    bench: Callable[..., Bench], engine: FakeEngine, sandbox: Sandbox
) -> None:
    engine.offer("ghcr.io/octo/app:1", login="octocat:hunter-two")
    login = {"username": "${{ github.actor || 'octocat' }}", "password": "hunter-${{ 'two' }}"}
    given = job(
        step("grep -rs hunter- $RUNNER_TEMP/_container* | wc -l; echo hunter-two"),
        container={"image": "ghcr.io/octo/app:1", "credentials": login},
    )
    ran = await bench(given).run()
    assert ran.end.conclusion == "success", "\n".join(ran.lines)
    assert ran.printed(0) == ["0", "***"]
    assert "hunter-two" not in engine.seen
    wrong = {"username": "octocat", "password": "wrong-one"}
    ran = await bench(job(step("true"), container={"image": "ghcr.io/octo/app:1", "credentials": wrong})).run()
    assert "unauthorized" in whys(ran)["Initialize containers"]


@pytest.mark.row("containers: no engine is an error")
async def test_without_an_engine_the_job_is_an_error_and_never_a_success(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    (tmp_path / "none").mkdir()
    for name in ("sh", "getent", "id", "cut", "tail"):
        (tmp_path / "none" / name).symlink_to(f"/usr/bin/{name}")
    given = job(step("echo ran"), container=CONTAINER)
    ran = await bench(given, base_environment={"PATH": str(tmp_path / "none")}).run()
    assert ran.end.conclusion == "error"
    assert "no container engine works here: neither podman nor docker is installed" in ran.end.why
    assert "ran" not in ran.lines


@pytest.mark.row("containers: no engine is an error")
async def test_bubblewrap_has_no_engine_of_its_own_and_is_not_given_the_hosts(
    engine: FakeEngine, tmp_path: Path
) -> None:
    driver = BubblewrapDriver(tmp_path / "apart")
    probe = await driver.probe()
    if not probe.works:
        pytest.skip(probe.why)
    apart = driver.create(SandboxSpec(SandboxId(f"test-{os.urandom(6).hex()}")))
    await apart.start()
    try:
        given = job(step("echo ran"), services={"db": SERVICE})
        ran = await Bench(apart, given, tmp_path, base_environment=engine.environment).run()
    finally:
        await apart.destroy()
    assert ran.end.conclusion == "error"
    assert "this sandbox shares the host's kernel and has none" in ran.end.why
    assert engine.calls == []


@pytest.mark.row("containers: no engine is an error")
async def test_a_docker_step_without_an_engine_is_an_error_too(bench: Callable[..., Bench], tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "sh").symlink_to("/bin/sh")
    given = job(step(uses="docker://app:1", continue_on_error=True))
    ran = await bench(given, base_environment={"PATH": str(tmp_path / "none")}).run()
    assert ran.end.conclusion == "error"


async def test_a_job_that_is_cancelled_while_it_waits_leaves_nothing(
    bench: Callable[..., Bench], engine: FakeEngine
) -> None:
    engine.offer(IMAGE, Health=100000)
    made = bench(job(step("true"), services={"db": {**SERVICE, "options": "--health-retries 100000"}}))
    running = asyncio.ensure_future(made.run())
    while not any("State.Health" in " ".join(words) for words in engine.calls):
        await asyncio.sleep(0.05)
    made.job.cancel("request")
    ran = await running
    assert ran.end.conclusion == "cancellation"
    assert ran.record.steps[0].outcome == "cancellation"
    assert engine.left() == []


async def test_a_late_step_is_ended_with_all_that_it_started(bench: Callable[..., Bench], tmp_path: Path) -> None:
    beat = tmp_path / "beat"
    script = f"(trap '' INT; while :; do date +%N > {beat}; sleep 0.05; done) & sleep 1000"
    ran = await bench(job(step(script, timeout_minutes=0.02), container=CONTAINER)).run()
    assert ran.end.conclusion == "failure"
    last = beat.read_text()
    await asyncio.sleep(0.3)
    assert beat.read_text() == last


@pytest.mark.row("actions: docker://")
async def test_a_docker_step_has_its_arguments_its_inputs_and_answers(
    bench: Callable[..., Bench], engine: FakeEngine
) -> None:
    script = (
        'echo "$INPUT_WHO_TO $HOME" "$@"; echo "colour=$INPUT_COLOUR" >> "$GITHUB_OUTPUT"; echo "A=b" >> "$GITHUB_ENV"'
    )
    engine.offer(IMAGE, Entrypoint=["sh", "-c", script, "sh"])
    given = job(
        step(uses="docker://app:1", id="it", with_={"args": 'one "two three" it\'s', "who to": "me", "colour": "red"}),
        step("echo ${{ steps.it.outputs.colour }} $A"),
        step(uses="docker://app:1", with_={"entrypoint": "false"}, continue_on_error=True),
    )
    made = bench(given)
    ran = await made.run()
    assert ran.end.conclusion == "success", "\n".join(ran.lines)
    assert ran.printed(0)[-1] == f"me {made.places.temp}/_github_home one two three it's"
    assert ran.printed(1)[0] == "red b"
    assert [one.exit_code for one in ran.record.steps] == [0, 0, 1]
    (run, _) = [words for words in engine.calls if words[0] == "run"]
    assert run[run.index("--workdir") + 1] == "/github/workspace"
    assert "--network" not in run
    assert engine.commands() == ["pull", "run", "run"]


@pytest.mark.row("actions: Docker actions")
async def test_a_docker_action_is_built_once_and_has_its_stages(
    bench: Callable[..., Bench], engine: FakeEngine
) -> None:
    action = """\
name: it
inputs:
  who: {default: "nobody's"}
runs:
  using: docker
  image: Dockerfile
  args: [sh, -c, 'echo "$OWN" $1 state=$STATE_s; echo s=kept >> $GITHUB_STATE', "", "${{ inputs.who }}"]
  env: {OWN: "for ${{ inputs.who }}"}
  post-entrypoint: /usr/bin/env
"""
    dockerfile = 'FROM app:1\nENTRYPOINT ["env"]\n'
    given = job(
        step("true"),
        step(uses="./act", with_={"who": "me"}),
        step(uses="./act"),
        services={"db": SERVICE},
    )
    made = bench(given)
    await made.sandbox.write_file(f"{made.places.workspace}/act/action.yml", action.encode())
    await made.sandbox.write_file(f"{made.places.workspace}/act/Dockerfile", dockerfile.encode())
    ran = await made.run()
    assert ran.end.conclusion == "success", "\n".join(ran.lines)
    assert ran.printed(1)[-1] == "for me me state="
    assert ran.printed(2)[-1] == "for nobody's nobody's state="
    assert engine.commands().count("build") == 1
    assert "::error::a build is not obeyed" in ran.lines
    posts = [one for one in ran.record.steps if one.part == "post"]
    assert [one.of for one in posts] == [2, 1]
    assert [line for line in ran.lines if line.endswith("state=kept")] == [
        "for nobody's nobody's state=kept",
        "for me me state=kept",
    ]
    run = next(words for words in engine.calls if words[0] == "run")
    assert run[run.index("--network") + 1].startswith("github_network_")


@pytest.mark.row("actions: Docker actions")
async def test_a_docker_action_that_cannot_be_built_is_a_failure(bench: Callable[..., Bench]) -> None:
    action = "name: it\nruns: {using: docker, image: Dockerfile}\n"
    made = bench(job(step(uses="./act")))
    await made.sandbox.write_file(f"{made.places.workspace}/act/action.yml", action.encode())
    await made.sandbox.write_file(f"{made.places.workspace}/act/Dockerfile", b"FROM app:1\nRUN false\n")
    ran = await made.run()
    assert ran.end.conclusion == "failure"
    assert "the action's image could not be built" in ran.record.steps[0].why
