"""GitHub's own packages for actions in a QEMU machine, with the Node.js of the minimal image: the same as under the
drivers of processes (tests/e2e/vm_agent/test_toolkit.py), and a local action that lies nowhere but in the guest."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from libs.contracts.size import Size
from services.vm_agent.image.recipe import RECIPES
from services.vm_agent.image.store import Store
from services.vm_agent.sandbox.premises import Premises
from services.vm_agent.sandbox.protocol import Sandbox, SandboxId, SandboxSpec
from services.vm_agent.sandbox.qemu.driver import QemuDriver
from tests.actions import toolkit
from tests.e2e.vm_agent.harness import Bench, Ran, order, step
from tests.e2e.vm_agent.shop import Shop, composite
from tests.images import NAME

SIZE = Size(1, 512)
DISK_BYTES = 2 * 1024**3
MAIN = "Run octo/toolkit@v1"


@pytest.fixture
async def machine(tmp_path: Path, images: Path) -> AsyncIterator[Sandbox]:
    found = Store(images).find(NAME)
    driver = QemuDriver(Premises(tmp_path, images, image=NAME))
    probe = await driver.probe()
    if not probe.works:
        pytest.skip(f"{probe.why} (make vm)")
    if found.manifest.recipe != RECIPES[NAME].digest:
        pytest.skip(f"the image {NAME} was built by another recipe, perhaps before it had Node.js (make vm)")
    spec = SandboxSpec(
        SandboxId(f"test-{os.urandom(6).hex()}"),
        memory_bytes=SIZE.memory_bytes,
        cpus=SIZE.cpus,
        disk_bytes=DISK_BYTES,
        trust="own",
    )
    made = driver.create(spec)
    await made.start()
    yield made
    await made.destroy()


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    made = Shop(tmp_path)
    toolkit(made.folder / "octo" / "toolkit")
    made.publish("octo/toolkit", {})
    yield made
    await made.sources.close()


def lines_of(ran: Ran, name: str) -> list[str]:
    (index,) = [one.step for one in ran.record.steps if one.name == name]
    return [line for chunk in ran.chunks if chunk.step == index for line in chunk.lines]


@pytest.mark.timeout(300)
@pytest.mark.row("actions: @actions/core, github, exec, io")
@pytest.mark.row("actions: JavaScript")
@pytest.mark.row("actions: local")
async def test_an_action_with_the_toolkit_runs_in_a_machine(machine: Sandbox, shop: Shop, tmp_path: Path) -> None:
    local = composite("{run: 'echo composed by @{{ inputs.who }}', shell: bash}", head="inputs: {who: {}}")
    given = order(
        {"run": None, "uses": "octo/toolkit@v1", "id": "toolkit", "with": {"who": "Ada"}},
        step('echo "${{ steps.toolkit.outputs.greeting }}|$GREETED|${PATH%%:*}"'),
        step(f"mkdir act; sed s/@/$/ > act/action.yml <<'END'\n{local['action.yml']}\nEND"),
        {"run": None, "uses": "./act", "with": {"who": "${{ steps.toolkit.outcome }}"}},
    )
    ran = await Bench(machine, given, tmp_path, actions=shop.sources, secrets={"GITHUB_TOKEN": "t0k3n"}).run()
    assert ran.end.conclusion == "success", "\n".join(ran.lines)
    assert lines_of(ran, f"Pre {MAIN}")[-1] == "before: Ada"
    assert {"api: /repos/octo/demo true", "io: true true", "exec: 3 heard true", "summary: true"} <= set(
        lines_of(ran, MAIN)
    )
    assert lines_of(ran, f"Post {MAIN}")[-1] == "after: before all steps, Ada"
    assert ran.printed(1) == ["Hello, Ada", "and all|Ada|/opt/greeting/bin"]
    assert lines_of(ran, "Run ./act")[-1] == "composed by success"
