"""The engine's arguments, whole; and that no value of a variable is ever among them."""

from __future__ import annotations

from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from services.vm_agent.job.containers.command_line import (
    ActionContainer,
    Making,
    Place,
    create_job,
    create_service,
    run_action,
    run_step,
    variables,
)
from services.vm_agent.job.containers.docker_action import step_container
from services.vm_agent.job.containers.engine import Engine
from services.vm_agent.job.containers.job_container import JobContainer
from services.vm_agent.job.containers.paths import inside_action, inside_job
from services.vm_agent.job.containers.process import Starter
from services.vm_agent.job.containers.wanted import Wanted
from services.vm_agent.sandbox.protocol import Sandbox
from tests.unit.services.vm_agent.job.containers.test_paths import PLACES, WORK

PLACE = Place("github_network_1", "firebreak=1", "/tmp/variables")


def making(env: dict[str, str], place: Place = PLACE) -> Making:
    return Making("c1", "docker.io/library/redis:7", variables(env), place)


def test_a_service() -> None:
    wanted = Wanted(
        "cache",
        "redis:7",
        {},
        ports=("6379", "80:8080/tcp"),
        volumes=("data:/data",),
        options=("--health-cmd", "redis-cli ping"),
        entrypoint=("/start", "fast"),
        command=("redis-server", "--appendonly", "yes"),
    )
    assert create_service(wanted, making({"A": "secret", "PATH": "/x"})) == [
        *("create", "--name", "c1", "--label", "firebreak=1", "-e", "A", "--env-file", "/tmp/variables"),
        *("--network", "github_network_1", "--network-alias", "cache"),
        *("--publish", "6379", "--publish", "80:8080/tcp", "--health-cmd", "redis-cli ping"),
        *("--volume", "data:/data", "--entrypoint", "/start", "docker.io/library/redis:7", "fast"),
        *("redis-server", "--appendonly", "yes"),
    ]


def test_the_jobs_container() -> None:
    command = create_job(Wanted("", "redis:7", {}), making({}), inside_job(PLACES), "/__w/demo/demo")
    assert command == [
        *("create", "--name", "c1", "--label", "firebreak=1", "--env-file", "/tmp/variables"),
        *("--network", "github_network_1", "--workdir", "/__w/demo/demo"),
        *("--volume", f"{WORK}/demo:/__w/demo", "--volume", f"{WORK}/_temp:/__w/_temp"),
        *("--volume", f"{WORK}/_actions:/__w/_actions"),
        *("--volume", "/opt/hostedtoolcache:/__t", "--volume", f"{WORK}/_temp/_github_home:/github/home"),
        *("--volume", f"{WORK}/_temp/_github_workflow:/github/workflow"),
        *("--entrypoint", "tail", "docker.io/library/redis:7", "-f", "/dev/null"),
    ]


def test_a_step_in_it() -> None:
    command = run_step("c1", ["sh", "-e", "/__w/_temp/x.sh"], variables({"A": "1"}), "/tmp/variables", "/__w/demo/demo")
    assert command == [
        *("exec", "--workdir", "/__w/demo/demo", "-e", "A", "--env-file", "/tmp/variables", "c1"),
        *("sh", "-e", "/__w/_temp/x.sh"),
    ]


def test_an_action() -> None:
    action = step_container({"args": 'say "two words"', "entryPoint": "/bin/echo", "who to": "me"}, {"A": "1"})
    assert action == ActionContainer(
        {"A": "1", "INPUT_ARGS": 'say "two words"', "INPUT_ENTRYPOINT": "/bin/echo", "INPUT_WHO_TO": "me"},
        ("say", "two words"),
        "/bin/echo",
    )
    command = run_action(action, making({"A": "1"}), inside_action(PLACES))
    assert command[:9] == ["run", "--name", "c1", "--label", "firebreak=1", "-e", "A", "--env-file", "/tmp/variables"]
    assert command[9:14] == ["--rm", "--network", "github_network_1", "--workdir", "/github/workspace"]
    assert command[-5:] == ["--entrypoint", "/bin/echo", "docker.io/library/redis:7", "say", "two words"]
    alone = run_action(action, making({}, Place("", "firebreak=1")), inside_action(PLACES))
    assert "--network" not in alone
    assert "--env-file" not in alone


def test_variables_that_would_change_the_engine_go_by_a_file() -> None:
    env = {"PATH": "/x", "HOME": "/h", "DOCKER_HOST": "tcp://x", "https_proxy": "p", "LD_PRELOAD": "l", "MY_PATH": "m"}
    made = variables({**env, "GOPATH": "/go", "CONTAINER_HOST": "c", "TEXT": "a\nb"})
    assert made.given == {"MY_PATH": "m", "TEXT": "a\nb"}
    assert sorted(made.file.decode().splitlines()) == sorted(
        ["PATH=/x", "HOME=/h", "DOCKER_HOST=tcp://x", "https_proxy=p", "LD_PRELOAD=l", "GOPATH=/go", "CONTAINER_HOST=c"]
    )


def test_a_value_that_no_line_can_hold_goes_by_name() -> None:
    assert variables({"HOME": "a\nb"}).given == {"HOME": "a\nb"}
    assert variables({"HOME": "x" * 40_000}).lines == ()


@given(st.dictionaries(st.text(max_size=12), st.text(max_size=20), max_size=6))
def test_no_value_is_an_argument_and_none_is_lost(env: dict[str, str]) -> None:
    marked = {name: f"SECRET{value}" for name, value in env.items()}
    made = variables(marked)
    assert not any("SECRET" in word for word in made.names)
    kept = {*made.given, *(line.partition("=")[0] for line in made.lines)}
    assert {name for name in env if name.isidentifier() and "\0" not in env[name]} <= kept


def test_a_step_can_be_run_once_more_from_a_shell_of_the_machine() -> None:
    sandbox = cast("Sandbox", None)
    starter = Starter(Engine(sandbox, "podman", "4", "root", {}), "/tmp")
    container = JobContainer("c1", inside_job(PLACES), starter, {})
    env = {"PATH": f"{PLACES.workspace}/tools:/bin", "HOME": "/github/home", "TOKEN": "secret"}
    assert container.again(["sh", "-e", "/__w/_temp/step_0.sh"], env, PLACES.workspace) == (
        *("sudo", "--preserve-env", "podman", "exec", "--interactive", "--workdir", "/__w/demo/demo"),
        *("-e", "PATH=/__w/demo/demo/tools:/bin", "-e", "HOME=/github/home", "-e", "TOKEN"),
        *("c1", "sh", "-e", "/__w/_temp/step_0.sh"),
    )
