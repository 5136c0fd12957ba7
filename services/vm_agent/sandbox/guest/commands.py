"""Commands and files of a guest over its channel: what every driver with a guest agent has in common."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from services.vm_agent.sandbox.guest.channel import Channel, checked
from services.vm_agent.sandbox.guest.frames import WINDOW_BYTES, Ended, Kind
from services.vm_agent.sandbox.guest.stream import Stream
from services.vm_agent.sandbox.protocol import (
    FILE_BYTES,
    OUTPUT_GRACE_SECONDS,
    Exit,
    FileTrouble,
    Output,
    TarStream,
    Terminal,
)

STOP_SECONDS = 30.0
"""From SIGKILL to the end of a stream; an honest guest needs OUTPUT_GRACE_SECONDS and a moment."""

FILE_REST_BYTES = 4 * WINDOW_BYTES
"""What may still come of a file: what was on its way, and a pipe full."""
COMMAND_REST_BYTES = 1024**3
"""Of a command more: what it started beside itself may write on through its grace."""


class GuestExec:
    """A command in the guest, its output on the way to `output`."""

    def __init__(
        self, channel: Channel, stream: Stream, output: Output, killed_for_memory: Callable[[], bool] | None
    ) -> None:
        self._channel = channel
        self._stream = stream
        self._output = output
        self._killed_for_memory = killed_for_memory
        self._outcome = asyncio.create_task(self._follow())
        self._outcome.add_done_callback(lambda task: task.cancelled() or task.exception())

    async def wait(self) -> Exit:
        return await asyncio.shield(self._outcome)

    async def signal(self, number: signal.Signals) -> None:
        self._channel.kill(self._stream, number)

    async def feed(self, data: bytes) -> bool:
        """To its terminal; False once it has ended."""
        return await self._channel.feed(self._stream, data)

    def resize(self, rows: int, columns: int) -> None:
        self._channel.resize(self._stream, rows, columns)

    async def _follow(self) -> Exit:
        try:
            while data := await self._stream.receive():
                await self._output(data)
                self._stream.grant(len(data))
        except Exception:
            await _stop(self._channel, self._stream, COMMAND_REST_BYTES)
            raise
        ended = await self._stream.ended
        return Exit(
            ended.code,
            signal=ended.signal,
            out_of_memory=self._ran_out_of_memory(ended),
            output_cut=ended.cut,
            full=ended.full,
        )

    def _ran_out_of_memory(self, ended: Ended) -> bool:
        """Where the host's cgroup does not tell, the guest's word; it may be that a child was killed, so it counts only
        where the command failed."""
        if self._killed_for_memory is None:
            return ended.oom and ended.code != 0
        return ended.code != 0 and self._killed_for_memory()


async def execute(
    channel: Channel,
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: str,
    output: Output,
    killed_for_memory: Callable[[], bool] | None = None,
    user: str | None = None,
    terminal: Terminal | None = None,
) -> GuestExec:
    """`killed_for_memory` is the host's own knowledge, if it has any. Raises CannotStart."""
    request: dict[str, object] = {"argv": list(argv), "env": dict(env), "cwd": cwd, "grace": OUTPUT_GRACE_SECONDS}
    if user is not None:
        request["user"] = user
    if terminal is not None:
        request["terminal"] = {"rows": terminal.rows, "columns": terminal.columns}
        request["env"] = {"TERM": terminal.kind, **env}
    stream = channel.open(Kind.EXEC, request, takes_input=terminal is not None)
    checked(await stream.acknowledged)
    return GuestExec(channel, stream, output, killed_for_memory)


async def put(channel: Channel, archive: TarStream | bytes, path: str) -> None:
    source = _once(archive) if isinstance(archive, bytes) else archive
    await channel.upload(channel.open(Kind.PUT, {"path": path}), source)


async def get(channel: Channel, path: str) -> AsyncIterator[bytes]:
    stream = channel.open(Kind.GET, {"path": path})
    try:
        while data := await stream.receive():
            yield data
            stream.grant(len(data))
        checked(await stream.acknowledged)
    finally:
        if not stream.acknowledged.done():
            await _stop(channel, stream, FILE_REST_BYTES)


async def make_folder(channel: Channel, path: str) -> None:
    await channel.request(Kind.FOLDER, path=path)


async def write_file(channel: Channel, path: str, data: bytes, mode: int) -> None:
    if len(data) > FILE_BYTES:
        raise FileTrouble(f"{path} would have {len(data)} bytes; {FILE_BYTES} are allowed")
    stream = channel.open(Kind.WRITE, {"path": path, "mode": mode, "limit": FILE_BYTES})
    await channel.upload(stream, _once(data))


async def read_file(channel: Channel, path: str, limit_bytes: int) -> bytes | None:
    stream = channel.open(Kind.READ, {"path": path, "limit": limit_bytes})
    content = bytearray()
    while data := await stream.receive():
        content += data
        stream.grant(len(data))
        if len(content) > limit_bytes:
            raise FileTrouble(f"{path} has more than {limit_bytes} bytes")
    answer = checked(await stream.acknowledged)
    return None if answer.missing else bytes(content)


async def _stop(channel: Channel, stream: Stream, rest_bytes: int) -> None:
    """Where nobody reads any more. A guest that goes on for ever although it was told to stop is given up."""
    channel.kill(stream, signal.SIGKILL)
    try:
        async with asyncio.timeout(STOP_SECONDS):
            while data := await stream.receive():
                stream.grant(len(data))
                rest_bytes -= len(data)
                if rest_bytes < 0:
                    channel.give_up(f"the guest was told to end its {stream.asked.name}, and went on sending")
                    return
    except TimeoutError:
        channel.give_up(f"the guest was told to end its {stream.asked.name}, and had not after {STOP_SECONDS:g} s")


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data
