"""A signed push to its verdict, each job in a machine of its own: own process, own kernel, own randomness."""

from __future__ import annotations

import asyncio
import os

import httpx
import msgspec

from libs.contracts import subjects
from libs.contracts.attempt import VmReady
from libs.contracts.envelope import decode_commit
from libs.contracts.host import HostEvent, TemplateBuilt, VmDestroyed, VmPooled
from libs.contracts.ids import HostId
from tests.chaos.system import FIRST_HOST, POLL_SECONDS, System
from tests.e2e.machines import host_state

RUN_SECONDS = 100.0
END_SECONDS = 10.0
"""Until the end of a job's machine is told: it comes after the job's own end."""
WORKFLOW = """
on: push
jobs:
  each:
    runs-on: ubuntu-latest
    strategy:
      matrix: {part: [1, 2]}
    steps:
      - run: |
          echo "kernel $(uname -r)"
          echo "boot $(cat /proc/sys/kernel/random/boot_id)"
          echo "name $(hostname) $(cat /etc/machine-id)"
      - run: for i in $(seq 1 200); do echo "line $i of ${{ matrix.part }}"; done
  last:
    needs: each
    runs-on: [ubuntu-latest, firebreak-1cpu-512mb]
    steps:
      - run: git --version && python3 -c 'print(6 * 7)'
"""


async def host_events(system: System) -> list[HostEvent]:
    stored = await system.bus.load(subjects.host(HostId(FIRST_HOST)))
    return [msgspec.json.decode(raw, type=HostEvent) for one in stored for raw in decode_commit(one.data).events]


async def ready(system: System) -> list[VmReady]:
    return [e for events in (await system.events()).values() for e in events if isinstance(e, VmReady)]


async def test_every_job_of_a_push_has_a_machine_of_its_own(machines: System) -> None:
    run_id = await machines.start(WORKFLOW)
    view = await machines.finished(run_id, RUN_SECONDS)
    assert view.conclusion == "success", view.why

    stood = await ready(machines)
    assert len(stood) == 3
    for field in ("vm", "pid", "boot_id", "proof"):
        values = [getattr(one, field) for one in stood]
        assert all(values), f"{field} is missing: {values}"
        assert len(set(values)) == 3, f"{field} is not each machine's own: {values}"
    assert {one.how for one in stood} <= {"restored", "booted", "pooled"}
    assert all(one.phases_ms for one in stood)
    assert all(len(one.proof) == 64 for one in stood)

    log = await whole_log(machines, run_id)
    boots = {line.split()[-1] for line in log if " boot " in f" {line}"}
    assert boots <= {one.boot_id for one in stood}
    assert len(boots) == 2
    kernels = {line.split()[-1] for line in log if " kernel " in f" {line}"}
    assert kernels
    assert os.uname().release not in kernels
    for part in (1, 2):
        assert sum(1 for line in log if line.endswith(f" of {part}")) == 200

    await accounted_for(machines, stood)
    assert not [one.pid for one in stood if host_state.alive(one.pid)]


async def accounted_for(system: System, stood: list[VmReady]) -> None:
    """Every machine in the log has its beginning and its end there, but for those that stand in the pool."""
    async with asyncio.timeout(END_SECONDS):
        while True:
            told = await host_events(system)
            destroyed = {event.vm for event in told if isinstance(event, VmDestroyed)}
            if {one.vm for one in stood} <= destroyed:
                break
            await asyncio.sleep(POLL_SECONDS)
    made = {e.vm for e in told if isinstance(e, VmPooled | TemplateBuilt)} | {one.vm for one in stood}
    assert destroyed <= made


async def whole_log(system: System, run_id: object) -> list[str]:
    """The jobs' logs as the console gives them to a browser."""
    lines: list[str] = []
    async with httpx.AsyncClient(base_url=system.machine.addresses.console, timeout=30) as client:
        run = (await client.get(f"/api/runs/{run_id}")).raise_for_status().json()
        for job in run["jobs"]:
            text = (await client.get(f"/runs/{run_id}/jobs/{job['key']}/1/log.txt")).raise_for_status().text
            lines += text.splitlines()
    return lines
