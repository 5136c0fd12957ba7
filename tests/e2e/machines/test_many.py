"""Many jobs, four at a time, each in a machine: nothing stays on the host, and the log knows every machine.

20 of them in the ordinary test run, 200 with `make machines` (`--machines-long`).
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from libs.contracts.ids import HostId
from services.cli.watching import hosts_now
from tests.chaos.system import FIRST_HOST, System
from tests.e2e.machines import host_state
from tests.e2e.machines.test_push import accounted_for, ready

SHORT, LONG = 20, 200
SECONDS_A_JOB = 8.0
"""A restore and two commands under emulation take about two, on a machine that does other things as well."""
SETTLE_SECONDS = 60.0
GROWTH_BYTES = 128 * 1024**2
WORKFLOW = """
on: push
jobs:
  each:
    runs-on: ubuntu-latest
    strategy:
      fail-fast: false
      matrix: {part: [%s]}
    steps:
      - run: echo "${{ matrix.part }}" > result && cat result
"""


async def settled(system: System) -> None:
    """No job runs, and the pool is full."""
    async with asyncio.timeout(SETTLE_SECONDS):
        while True:
            beat = (await hosts_now(system.bus)).get(HostId(FIRST_HOST))
            if (
                beat
                and not beat.running
                and all(pool.ready >= pool.target and not pool.starting for pool in beat.pools)
            ):
                return


@pytest.mark.timeout(3600)
async def test_nothing_is_left_of_many_jobs(machines: System, tmp_path: Path, machines_long: bool) -> None:
    count = LONG if machines_long else SHORT
    await settled(machines)
    before, available = host_state.read(tmp_path / "home"), host_state.available_bytes()

    run_id = await machines.start(WORKFLOW % ", ".join(map(str, range(count))))
    view = await machines.finished(run_id, 60 + count * SECONDS_A_JOB)

    assert view.conclusion == "success", view.why
    stood = await ready(machines)
    assert len({one.vm for one in stood}) == len(stood) >= count
    assert len({one.proof for one in stood}) == len({one.boot_id for one in stood}) == len(stood)
    await accounted_for(machines, stood)
    await settled(machines)
    # The machine of the pool is another one by now, so it is numbers that are compared here; by name, the fixture does.
    after = host_state.read(tmp_path / "home")
    assert after.counts() == before.counts(), after.since(before)
    grown = available - host_state.available_bytes()
    print(f"{count} jobs: MemAvailable {grown / 1024**2:+.0f} MiB less than before")
    assert grown < GROWTH_BYTES
