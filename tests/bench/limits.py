"""What bounds us, measured bare: JetStream alone, a process spawned alone, an interpreter alone."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import nats
from nats.js.api import StreamConfig
from nats.js.client import JetStreamContext

STREAM = "BENCH"
SUBJECT = "bench.bare"
CONNECT_SECONDS = 5
MIB = 1024 * 1024


@asynccontextmanager
async def bare_stream(url: str) -> AsyncGenerator[JetStreamContext]:
    """A file stream of its own on this server, so that both write to the same disk in the same profile."""
    # nats-py leaves its keyword arguments without types.
    client = await nats.connect(url, connect_timeout=CONNECT_SECONDS)  # pyright: ignore[reportUnknownMemberType]
    try:
        stream = client.jetstream()  # pyright: ignore[reportUnknownMemberType]
        config = StreamConfig(name=STREAM, subjects=[SUBJECT])
        await stream.add_stream(config)  # pyright: ignore[reportUnknownMemberType]
        yield stream
        await stream.delete_stream(STREAM)
    finally:
        await client.close()


async def publishes_a_second(stream: JetStreamContext, size: int, *, count: int, in_flight: int) -> float:
    payload = bytes(size)
    left = iter(range(count))

    async def one_after_another() -> None:
        for _ in left:
            await stream.publish(SUBJECT, payload)

    began = time.perf_counter()
    await asyncio.gather(*(one_after_another() for _ in range(in_flight)))
    return count / (time.perf_counter() - began)


async def spawn(script: str = "true") -> None:
    process = await asyncio.create_subprocess_exec(
        "bash", "-c", script, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    await process.wait()


async def spawns_a_second(count: int, at_once: int) -> float:
    left = iter(range(count))

    async def one_after_another() -> None:
        for _ in left:
            await spawn()

    began = time.perf_counter()
    await asyncio.gather(*(one_after_another() for _ in range(at_once)))
    return count / (time.perf_counter() - began)


def milliseconds_of(argv: list[str], environment: dict[str, str] | None = None, cwd: Path | None = None) -> float:
    """A process from its start to its end. Raises CalledProcessError, TimeoutExpired."""
    began = time.perf_counter()
    subprocess.run(argv, env=environment, cwd=cwd, check=True, capture_output=True, timeout=30)
    return (time.perf_counter() - began) * 1000


async def bare_interpreter_mib() -> float:
    """An interpreter with an event loop and nothing else: no service of ours can be smaller."""
    script = "import asyncio, sys; sys.stdout.write('.'); sys.stdout.flush(); sys.stdin.read()"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        await process.stdout.readexactly(1)
        return resident_mib(process.pid)
    finally:
        process.kill()
        await process.wait()


def resident_mib(pid: int) -> float:
    """The proportional set size: what is shared counts by shares, so that a sum over processes is the truth."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024 / MIB
    raise RuntimeError(f"the kernel tells no Pss of process {pid}")
