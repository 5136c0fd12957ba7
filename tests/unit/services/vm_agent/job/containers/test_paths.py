"""The machine's folders as they are called in containers: GitHub's names."""

from __future__ import annotations

import pytest

from services.vm_agent.job.containers.paths import inside_action, inside_job
from services.vm_agent.job.places import places
from services.vm_agent.sandbox.protocol import GuestPaths

GUEST = GuestPaths("/home/runner", "/home/runner/work", "/home/runner/work/_temp", "/opt/hostedtoolcache")
PLACES = places(GUEST, "demo")
WORK = "/home/runner/work"


@pytest.mark.row("containers: container")
@pytest.mark.parametrize(
    ("machine", "job", "action"),
    [
        (f"{WORK}/demo/demo", "/__w/demo/demo", "/github/workspace"),
        (f"{WORK}/demo/demo/sub dir/x", "/__w/demo/demo/sub dir/x", "/github/workspace/sub dir/x"),
        (f"{WORK}/demo", "/__w/demo", f"{WORK}/demo"),
        (f"{WORK}/_temp", "/__w/_temp", "/github/runner_temp"),
        (f"{WORK}/_temp/x", "/__w/_temp/x", "/github/runner_temp/x"),
        (
            f"{WORK}/_temp/_runner_file_commands/set_env_0",
            "/__w/_temp/_runner_file_commands/set_env_0",
            "/github/file_commands/set_env_0",
        ),
        (f"{WORK}/_temp/_github_workflow/event.json", "/github/workflow/event.json", "/github/workflow/event.json"),
        ("/opt/hostedtoolcache/node", "/__t/node", "/opt/hostedtoolcache/node"),
        ("/opt/hostedtoolcache2", "/opt/hostedtoolcache2", "/opt/hostedtoolcache2"),
        ("see /home/runner/work/demo/demo", "see /home/runner/work/demo/demo", "see /home/runner/work/demo/demo"),
        ("", "", ""),
    ],
)
def test_paths_are_translated_as_on_github(machine: str, job: str, action: str) -> None:
    assert inside_job(PLACES).path(machine) == job
    assert inside_action(PLACES).path(machine) == action


def test_every_value_of_an_environment_is_translated_and_no_name_is() -> None:
    env = {"GITHUB_WORKSPACE": PLACES.workspace, "/opt/hostedtoolcache": "x", "COLOUR": "green"}
    assert inside_job(PLACES).environment(env) == {
        "GITHUB_WORKSPACE": "/__w/demo/demo",
        "/opt/hostedtoolcache": "x",
        "COLOUR": "green",
    }


def test_a_path_of_the_container_is_the_machines_again() -> None:
    for inside in (inside_job(PLACES), inside_action(PLACES)):
        for path in (PLACES.workspace, f"{PLACES.workspace}/a/b.c", f"{PLACES.temp}/x", PLACES.event):
            assert inside.machine_path(inside.path(path)) == path
        for other in ("/usr/bin", "a/b", "", "/__workspace", "/github"):
            assert inside.machine_path(other) == other
