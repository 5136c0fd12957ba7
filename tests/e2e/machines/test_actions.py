"""GitHub's own packages for actions in a QEMU machine, with the Node.js of the minimal image: the same as under the
drivers of processes (tests/e2e/vm_agent/test_toolkit.py), and a local action that lies nowhere but in the guest."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from libs.contracts.size import Size
from services.vm_agent.image.recipe import RECIPES
from services.vm_agent.image.store import Store
from services.vm_agent.sandbox.protocol import Sandbox
from tests.e2e.machines.standing import qemu_machine
from tests.e2e.vm_agent.harness import Bench, lines_of, order, step
from tests.e2e.vm_agent.shop import Shop, composite, toolkit_shop
from tests.images import NAME

SIZE = Size(1, 512)
MAIN = "Run octo/toolkit@v1"


@pytest.fixture
async def machine(tmp_path: Path, images: Path) -> AsyncIterator[Sandbox]:
    found = Store(images).find(NAME)
    if found.manifest.recipe != RECIPES[NAME].digest:
        pytest.skip(f"the image {NAME} was built by another recipe, perhaps before it had Node.js (make vm)")
    async with qemu_machine(tmp_path, images, SIZE) as made:
        yield made


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with toolkit_shop(tmp_path) as made:
        yield made


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
