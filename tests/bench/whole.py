"""The whole system on one machine: idle, from a webhook to a step's first output, and under many runs at once."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

from nats.js.client import JetStreamContext

from libs.bus.port import CaughtUp, Stored
from libs.contracts import subjects
from libs.contracts.run import RunFinished
from libs.views.log_lines import lines_of
from tests.bench.figures import Figure, median, percentile
from tests.bench.intake import UNBOUNDED
from tests.bench.limits import (
    SUBJECT,
    bare_interpreter_mib,
    bare_stream,
    publishes_a_second,
    resident_mib,
    spawn,
    spawns_a_second,
)
from tests.bench.sender import connected, pushes
from tests.chaos.system import FIRST_HOST, SECRET, System, events_of, whole_system

RUNS = 30
WARM_RUNS = 5
RUN_SECONDS = 20.0
COMMITS = 6
"""What lies between a webhook and a step at the least: delivery, plan, assignment, attempt, sandbox, step."""
COMMIT_BYTES = 1024
SLOTS = 4
JOBS = 300
JOBS_SECONDS = 45.0
SENDERS = 16
SETTLE_SECONDS = 2.0
"""After the start: what is loaded once is loaded then."""
MARK = "first-output "
NO_OP = "on: push\njobs:\n  a:\n    runs-on: self-hosted\n    steps:\n      - run: 'true'\n"
SAYS_WHEN = NO_OP.replace("'true'", f"echo {MARK}$EPOCHREALTIME")


async def measure(folder: Path) -> list[Figure]:
    settings = {
        "FIREBREAK_DRIVER": "host",
        "FIREBREAK_SYNC": "always",
        "MAX_CONCURRENT_WORKFLOWS": str(SLOTS),
        **UNBOUNDED,
    }
    async with whole_system(folder, **settings) as system:
        await system.joined(FIRST_HOST)
        await asyncio.sleep(SETTLE_SECONDS)
        idle = await idle_memory(system)
        async with bare_stream(system.nats.url) as stream:
            first = await first_output(system, stream)
        throughput = await jobs_a_second(system)
    return [*first, *throughput, *idle]


async def idle_memory(system: System) -> list[Figure]:
    bare = await bare_interpreter_mib()
    services = {name: resident_mib(pid) for name, pid in system.machine.supervisor.pids().items()}
    nats = resident_mib(system.nats.pid)
    figures = [
        Figure(
            what=f"idle memory (PSS): {name}",
            measured=size,
            unit="MiB",
            better="less",
            limit=bare,
            limit_is="an interpreter with asyncio",
            aim=45,
        )
        for name, size in services.items()
    ]
    figures.append(Figure(what="idle memory (PSS): NATS", measured=nats, unit="MiB", better="less"))
    total = sum(services.values()) + nats
    figures.append(
        Figure(what="idle memory (PSS): everything", measured=total, unit="MiB", better="less", aim=350),
    )
    return figures


async def first_output(system: System, stream: JetStreamContext) -> list[Figure]:
    payload = json.dumps(system.workflow(SAYS_WHEN)).encode()
    begun: list[float] = []
    read: list[float] = []
    bare: list[float] = []
    door = await connected(system.machine.addresses.ingress, SECRET)
    async with _outputs(system) as outputs:
        for number in range(WARM_RUNS + RUNS):
            sent = time.time()
            await door.push(payload)
            async with asyncio.timeout(RUN_SECONDS):
                printed, arrived = await outputs.get()
            before = time.perf_counter()
            await _minimum(stream)
            if number >= WARM_RUNS:
                begun.append((printed - sent) * 1000)
                read.append((arrived - sent) * 1000)
                bare.append((time.perf_counter() - before) * 1000)
    await door.close()
    publish = 1000 / await publishes_a_second(stream, COMMIT_BYTES, count=200, in_flight=1)
    least = f"{COMMITS} bare publishes and `bash -c true`"
    return [
        Figure("webhook to the step's first output, p50", median(begun), "ms", "less", median(bare), least, None, 3),
        Figure("webhook to the step's first output, p95", percentile(begun, 0.95), "ms", "less",
               percentile(bare, 0.95), least, None, 3),
        Figure("webhook to that output at a reader of the log, p50", median(read), "ms", "less", publish,
               "one bare publish"),
    ]  # fmt: skip


async def _minimum(stream: JetStreamContext) -> None:
    """The least that an event-sourced system can do for a step: its commits, one after the other, and the process."""
    for _ in range(COMMITS):
        await stream.publish(SUBJECT, bytes(COMMIT_BYTES))
    await spawn()


@asynccontextmanager
async def _outputs(system: System) -> AsyncGenerator[asyncio.Queue[tuple[float, float]]]:
    """When each marked line was printed, by the step's own clock, and when it was read here."""
    found: asyncio.Queue[tuple[float, float]] = asyncio.Queue()
    ready = asyncio.Event()

    async def follow() -> None:
        async with aclosing(system.bus.tail(subjects.LOGS, ("log.>",), 0)) as messages:
            async for message in messages:
                if isinstance(message, CaughtUp):
                    ready.set()
                    continue
                for line in lines_of(message):
                    if line.text.startswith(MARK) and line.text[len(MARK)].isdigit():
                        found.put_nowait((float(line.text[len(MARK) :]), time.time()))

    task = asyncio.create_task(follow())
    try:
        await asyncio.wait_for(ready.wait(), RUN_SECONDS)
        yield found
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def jobs_a_second(system: System) -> list[Figure]:
    payload = json.dumps(system.workflow(NO_OP)).encode()
    bare = await spawns_a_second(JOBS, SLOTS)
    pids = {**system.machine.supervisor.pids(), "NATS": system.nats.pid}
    before = _processor_seconds(pids)
    after = (await system.bus.extent(subjects.EVENTS)).last
    began = time.perf_counter()
    sending = asyncio.create_task(
        pushes(system.machine.addresses.ingress, SECRET, payload, count=JOBS, in_flight=SENDERS)
    )
    try:
        async with asyncio.timeout(JOBS_SECONDS):
            await _finished(system, after, JOBS)
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
    seconds = time.perf_counter() - began
    used = {name: total - before[name] for name, total in _processor_seconds(pids).items()}
    per_run = [
        Figure(f"processor a no-op run: {name}", 1000 * used_seconds / JOBS, "ms", "less")
        for name, used_seconds in {**used, "everything": sum(used.values())}.items()
    ]
    limit_is = f"`bash -c true`, {SLOTS} at once"
    return [
        Figure("no-op runs a second, whole system", JOBS / seconds, "/s", "more", bare, limit_is, 100),
        *per_run,
    ]


async def _finished(system: System, after: int, count: int) -> None:
    """Returns when so many runs have ended behind this place of the log."""
    async with aclosing(system.bus.tail(subjects.EVENTS, (subjects.ALL_RUNS,), after)) as messages:
        async for message in messages:
            if isinstance(message, Stored):
                count -= sum(isinstance(event, RunFinished) for event in events_of(message))
                if count <= 0:
                    return


def _processor_seconds(pids: Mapping[str, int]) -> dict[str, float]:
    """Of each process and of the children that it has waited for."""
    found: dict[str, float] = {}
    for name, pid in pids.items():
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        found[name] = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    return found
