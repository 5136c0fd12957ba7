"""The same delivery again and again, at one door and at two, with one parser and with two: one run."""

from __future__ import annotations

import asyncio
import socket
from uuid import uuid4

import httpx

from libs.contracts import subjects
from tests.chaos.system import FINISH_SECONDS, SECRET, System

SENDINGS = 20
WORKFLOW = """
on: push
jobs:
  a:
    runs-on: self-hosted
    steps:
      - run: echo once
"""


async def test_twenty_times_at_once_and_once_more_later(system: System) -> None:
    payload, guid = system.workflow(WORKFLOW), str(uuid4())
    answers = await asyncio.gather(*(system.deliver(payload, guid) for _ in range(SENDINGS)))
    assert {answer.status_code for _, answer in answers} <= {200, 202}
    run_id = await system.planned(guid)
    assert (await system.finished(run_id)).conclusion == "success"
    _, again = await system.deliver(payload, guid)
    assert again.status_code == 200
    assert await runs(system) == {subjects.run("demo", "sample", run_id)}


async def test_two_doors_and_two_parsers(system: System) -> None:
    port = free_port()
    door = f"http://127.0.0.1:{port}"
    secrets = {"PORT": str(port), "GITHUB_WEBHOOK_SECRET": SECRET}
    async with system.another("ingress", **secrets), system.another("parser"):
        await opened(door)
        payloads = {str(uuid4()): system.workflow(WORKFLOW) for _ in range(5)}
        doors = (door, system.machine.addresses.ingress)
        answers = await asyncio.gather(
            *(system.deliver(payload, guid, at) for guid, payload in payloads.items() for at in doors * 2)
        )
        assert {answer.status_code for _, answer in answers} <= {200, 202}
        planned = [await system.planned(guid) for guid in payloads]
        views = [await system.finished(run_id) for run_id in planned]
    assert [view.conclusion for view in views] == ["success"] * len(payloads)
    assert await runs(system) == {subjects.run("demo", "sample", run_id) for run_id in planned}
    assert len({view.plan.run_number for view in views if view.plan}) == len(payloads)


async def runs(system: System) -> set[str]:
    return {stored.subject for stored in await system.bus.load(subjects.ALL_RUNS)}


async def opened(door: str) -> None:
    async with httpx.AsyncClient(timeout=2) as client, asyncio.timeout(FINISH_SECONDS):
        while True:
            try:
                if (await client.get(f"{door}/readyz")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
