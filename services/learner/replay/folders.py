"""Processes that fold: Python folds on one processor only, and a replay of months is mostly that."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import asynccontextmanager

import msgspec

from services.learner.archive.parquet import Damaged
from services.learner.replay.frames import LENGTH_BYTES, FoldGroup, Group, Unreadable

MOST_PROCESSES = 4
"""One writer stores what about two fold."""
AT_ONCE = 2
"""Requests that each process has before it: one that it works on, one that it need not wait for."""
FRAME_BYTES = 8 * 1024 * 1024
"""Read ahead of the answers; larger ones come, too."""
_answers = msgspec.msgpack.Decoder(Group | Unreadable)


class Folders:
    def __init__(self, processes: list[asyncio.subprocess.Process]) -> None:
        self._processes = processes

    async def fold(self, requests: AsyncIterable[FoldGroup]) -> AsyncGenerator[Group]:
        """The answers in the order of the requests. Raises Damaged."""
        under_way: deque[asyncio.subprocess.Process] = deque()
        count = 0
        async for request in requests:
            process = self._processes[count % len(self._processes)]
            await _ask(process, request)
            under_way.append(process)
            count += 1
            if len(under_way) >= AT_ONCE * len(self._processes):
                yield await _answer(under_way.popleft())
        while under_way:
            yield await _answer(under_way.popleft())


@asynccontextmanager
async def folders(count: int | None = None) -> AsyncGenerator[Folders]:
    """`count` processes; one is left of this machine's processors for who stores, unless told otherwise."""
    wanted = count or min(MOST_PROCESSES, max(1, (os.cpu_count() or 1) - 1))
    processes: list[asyncio.subprocess.Process] = []
    try:
        for _ in range(wanted):
            processes.append(
                await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", __package__ or ""),
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    limit=FRAME_BYTES,
                )
            )
        yield Folders(processes)
    finally:
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def _ask(process: asyncio.subprocess.Process, request: FoldGroup) -> None:
    assert process.stdin is not None
    data = msgspec.msgpack.encode(request)
    process.stdin.write(len(data).to_bytes(LENGTH_BYTES) + data)


async def _answer(process: asyncio.subprocess.Process) -> Group:
    assert process.stdout is not None
    try:
        header = await process.stdout.readexactly(LENGTH_BYTES)
        data = await process.stdout.readexactly(int.from_bytes(header))
    except asyncio.IncompleteReadError:
        raise RuntimeError(f"a process that folds the archive ended: exit code {await process.wait()}") from None
    answer = _answers.decode(data)
    if isinstance(answer, Unreadable):
        raise Damaged(answer.why)
    return answer
