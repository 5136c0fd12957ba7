"""GitHub's own packages for actions (core, exec, github, io) inside an action, under the drivers of processes.

The same in a machine is tests/e2e/machines/test_actions.py.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from services.vm_agent.sandbox.bubblewrap.driver import BubblewrapDriver
from services.vm_agent.sandbox.host import HostDriver
from services.vm_agent.sandbox.protocol import Driver, Sandbox, SandboxId, SandboxSpec
from tests.e2e.vm_agent.harness import Bench, lines_of, order, step
from tests.e2e.vm_agent.shop import Shop, toolkit_shop

DRIVERS: dict[str, Callable[[Path], Driver]] = {"host": HostDriver, "bubblewrap": BubblewrapDriver}
pytestmark = pytest.mark.row("actions: @actions/core, github, exec, io")
MAIN = "Run octo/toolkit@v1"


@pytest.fixture(params=DRIVERS)
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Sandbox]:
    driver = DRIVERS[request.param](tmp_path / "sandboxes")
    probe = await driver.probe()
    if not probe.works:
        pytest.skip(f"{probe.why}; `firebreak doctor` says what to do")
    made = driver.create(SandboxSpec(SandboxId(f"test-{os.urandom(6).hex()}")))
    await made.start()
    yield made
    await made.destroy()


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with toolkit_shop(tmp_path) as made:
        yield made


async def test_all_of_it_works_in_each_part_of_an_action(place: Sandbox, shop: Shop, tmp_path: Path) -> None:
    given = order(
        {"run": None, "uses": "octo/toolkit@v1", "id": "toolkit", "with": {"who": "Ada"}},
        step('echo "${{ steps.toolkit.outputs.greeting }}|$GREETED|${PATH%%:*}"'),
    )
    ran = await Bench(place, given, tmp_path, actions=shop.sources, secrets={"GITHUB_TOKEN": "t0k3n"}).run()
    assert ran.end.conclusion == "success", "\n".join(ran.lines)
    assert lines_of(ran, f"Pre {MAIN}")[-1] == "before: Ada"
    assert [line for line in lines_of(ran, MAIN) if ":" in line][-8:] == [
        "state: before all steps",
        "lines: first+second true",
        "context: octo/demo push hello",
        "api: /repos/octo/demo true",
        "masked: ***",
        "io: true true",
        "exec: 3 heard true",
        "summary: true",
    ]
    assert lines_of(ran, f"Post {MAIN}")[-1] == "after: before all steps, Ada"
    assert ran.printed(1) == ["Hello, Ada", "and all|Ada|/opt/greeting/bin"]
    (main,) = [one for one in ran.record.steps if one.name == MAIN]
    assert [(note.level, note.message, note.title, note.line) for note in main.annotations] == [
        ("notice", "noticed", "Note", 3)
    ]
    assert main.summary is not None
    assert "t0k3n" not in "\n".join(ran.lines)


async def test_set_failed_fails_the_step_and_post_still_runs(place: Sandbox, shop: Shop, tmp_path: Path) -> None:
    given = order({"run": None, "uses": "octo/toolkit@v1", "with": {"who": "nobody"}})
    ran = await Bench(place, given, tmp_path, actions=shop.sources, secrets={"GITHUB_TOKEN": "t0k3n"}).run()
    outcomes = {one.name: (one.outcome, one.why) for one in ran.record.steps}
    assert outcomes[MAIN] == ("failure", "Error: nobody is there")
    assert outcomes[f"Post {MAIN}"] == ("success", "")
    assert ran.end.conclusion == "failure"
