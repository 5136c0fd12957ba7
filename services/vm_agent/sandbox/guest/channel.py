"""The host's end of the byte stream to a guest agent: opens streams, sends requests, hands what comes to its stream.

Nothing that the guest says is believed: a frame that is too long, of a wrong type, for a stream that is not open, out
of order or ungranted ends the channel with SandboxLost, and with it that sandbox alone. It does not know what kind of
guest is behind the stream, nor how to kill it.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import NoReturn

import msgspec

from services.vm_agent.sandbox.guest import frames
from services.vm_agent.sandbox.guest.frames import HEADER, Acknowledged, Frame, Kind, Violation
from services.vm_agent.sandbox.guest.pace import FRAMES_A_TURN, Pace
from services.vm_agent.sandbox.guest.stream import Stream
from services.vm_agent.sandbox.protocol import (
    OUTPUT_CHUNK_BYTES,
    ArchiveRefused,
    CannotStart,
    FileTrouble,
    SandboxError,
    SandboxLost,
    TarStream,
)

LAST_STREAM = 2**32 - 1
READ_AHEAD_BYTES = 128 * 1024
"""What the host keeps of a guest that it does not listen to just now is twice this at most."""
UNREAD_BYTES = 8 * 1024**2
"""What may wait for a guest that does not read: no honest one leaves more than some requests of a megabyte."""
SHOWN_CHARACTERS = 1000


class Channel:
    """One connection to one guest. `on_loss` is called once, with the reason, when it ends by itself; `on_end` says why
    the stream ended where the guest did not say it."""

    def __init__(
        self, name: str, on_loss: Callable[[str], None], on_end: Callable[[], Awaitable[str]] | None = None
    ) -> None:
        self._name = name
        self._on_loss = on_loss
        self._on_end = on_end
        self._streams: dict[int, Stream] = {}
        self._last_stream = 0
        self._hello: asyncio.Future[frames.Hello] = asyncio.get_running_loop().create_future()
        self._pongs: dict[bytes, asyncio.Future[None]] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._listening: asyncio.Task[None] | None = None
        self._halted = False
        self.lost: SandboxLost | None = None

    @property
    def busy(self) -> bool:
        """Something that was asked is not answered yet."""
        return bool(self._streams)

    async def connect(self, ours: socket.socket) -> None:
        reader, self._writer = await asyncio.open_connection(sock=ours, limit=READ_AHEAD_BYTES)
        self._listening = asyncio.create_task(self._listen(reader))

    async def hello(self, deadline_seconds: float) -> frames.Hello:
        """The guest's first word. Raises SandboxLost."""
        await asyncio.wait({self._hello}, timeout=deadline_seconds)
        if not self._hello.done():
            raise SandboxLost(f"the guest of {self._name} said nothing for {deadline_seconds:g} s")
        return self._hello.result()

    async def ping(self, nonce: bytes, deadline_seconds: float) -> None:
        """Raises SandboxLost when the guest does not answer in time."""
        self._check()
        pong = self._pongs[nonce] = asyncio.get_running_loop().create_future()
        self._send(Kind.PING, 0, nonce)
        try:
            await asyncio.wait({pong}, timeout=deadline_seconds)
            if not pong.done():
                raise SandboxLost(f"the guest of {self._name} did not answer for {deadline_seconds:g} s")
            pong.result()
        finally:
            self._pongs.pop(nonce, None)

    def open(self, kind: Kind, request: Mapping[str, object], *, takes_input: bool = False) -> Stream:
        """Sends the request and returns its stream; `takes_input` where DATA may follow although it is a command."""
        self._check()
        if self._last_stream >= LAST_STREAM:
            raise SandboxLost(f"sandbox {self._name} has used up its stream numbers")
        self._last_stream += 1
        stream = Stream(self._last_stream, kind, self._send, takes_input=takes_input)
        payload = msgspec.json.encode(request)
        if len(payload) > frames.FRAME_BYTES:
            raise CannotStart("argv and environment are larger than 1 MiB together", 126)
        self._streams[stream.number] = stream
        self._send(kind, stream.number, payload)
        return stream

    async def request(self, kind: Kind, **fields: object) -> Acknowledged:
        """A request without data. Raises what the guest answers."""
        return checked(await self.open(kind, fields).acknowledged)

    async def upload(self, stream: Stream, source: TarStream) -> Acknowledged:
        """Sends DATA as the guest takes it. Raises what the guest answers, early where it answers early."""
        try:
            async for piece in source:
                if not await self._upload_piece(stream, memoryview(piece)):
                    return checked(await stream.acknowledged)
        except BaseException:
            self.kill(stream, 9)
            raise
        self._send(Kind.DATA, stream.number, b"")
        stream.sent_all()
        return checked(await stream.acknowledged)

    async def feed(self, stream: Stream, data: bytes) -> bool:
        """To a command with a terminal, as it takes it; False once it has ended."""
        return await self._upload_piece(stream, memoryview(data))

    def resize(self, stream: Stream, rows: int, columns: int) -> None:
        if stream.number in self._streams and self.lost is None:
            self._send(Kind.RESIZE, stream.number, msgspec.json.encode({"rows": rows, "columns": columns}))

    def halt(self) -> None:
        """Asks the guest to end; its end is a loss that says so."""
        self._halted = True
        self._send(Kind.HALT, 0, b"")

    async def _upload_piece(self, stream: Stream, piece: memoryview) -> bool:
        while piece:
            allowed = min(await stream.may_send(), OUTPUT_CHUNK_BYTES)
            if not allowed:
                return False
            part = bytes(piece[:allowed])
            stream.sent(len(part))
            self._send(Kind.DATA, stream.number, part)
            await self._drained()
            piece = piece[len(part) :]
        return True

    def kill(self, stream: Stream, number: int) -> None:
        if stream.number in self._streams and self.lost is None:
            self._send(Kind.KILL, stream.number, msgspec.json.encode({"signal": number}))

    def close(self, why: str) -> None:
        """From our side: whoever still waits gets SandboxLost."""
        self._end(why)
        if self._listening is not None:
            self._listening.cancel()

    def give_up(self, why: str) -> None:
        """As if it had ended by itself: for what the host sees, and the guest would never say."""
        self._fail(why)

    def look_for_ignored(self) -> None:
        """Asked after each answered ping: a guest that answers those alone is as good as silent."""
        for stream in list(self._streams.values()):
            if stream.is_ignored():
                self._fail(f"the guest answers pings, but not the {stream.asked.name} that it was asked")
                return

    def _check(self) -> None:
        if self.lost is not None:
            raise SandboxLost(str(self.lost))

    def _send(self, kind: Kind, stream: int, payload: bytes) -> None:
        if self._writer is None or self.lost is not None:
            return
        self._writer.write(frames.encode(kind, stream, payload))
        if self._writer.transport.get_write_buffer_size() > UNREAD_BYTES:
            self._fail(f"the guest does not read what it is told: {UNREAD_BYTES // 1024**2} MiB wait for it")

    async def _drained(self) -> None:
        if self._writer is not None:
            with contextlib.suppress(ConnectionError):
                await self._writer.drain()

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        try:
            await self._take_frames(reader)
        except Violation as violation:
            self._fail(f"the guest broke the protocol: {violation}")
        except (asyncio.IncompleteReadError, ConnectionError):
            self._fail("the guest has gone away" if self._on_end is None else await self._on_end())
        except Exception as trouble:
            # Whatever a guest makes us stumble over: nobody would listen to it any more, and nobody would know.
            self._fail(f"what the guest said could not be understood: {type(trouble).__name__}")

    async def _take_frames(self, reader: asyncio.StreamReader) -> NoReturn:
        clock = asyncio.get_running_loop().time
        pace = Pace(clock())
        while True:
            for _ in range(FRAMES_A_TURN):
                length, kind, number = frames.parse_header(await reader.readexactly(HEADER.size))
                self._dispatch(Frame(kind, number, await reader.readexactly(length)))
            await asyncio.sleep(pace.take(clock(), FRAMES_A_TURN))

    def _dispatch(self, frame: Frame) -> None:
        match frame.kind:
            case Kind.HELLO:
                if self._hello.done():
                    raise Violation("it said hello twice")
                self._hello.set_result(frames.hello(frame.payload))
            case Kind.PONG:
                pong = self._pongs.get(frame.payload)
                if pong is None:
                    raise Violation("it answered a ping that nobody sent")
                if not pong.done():
                    pong.set_result(None)
            case Kind.BYE:
                if not self._halted:
                    raise Violation("it said goodbye without having been asked to end")
                self._fail("the guest ended, as it was asked to")
            case _:
                stream = self._streams.get(frame.stream)
                if stream is None:
                    raise Violation(f"it spoke on stream {frame.stream}, which is not open")
                if stream.take_frame(frame):
                    del self._streams[frame.stream]

    def _fail(self, why: str) -> None:
        if self.lost is None:
            self._end(why)
            self._on_loss(why)

    def _end(self, why: str) -> None:
        if self.lost is not None:
            return
        self.lost = SandboxLost(f"sandbox {self._name} is lost: {why}")
        for stream in self._streams.values():
            stream.lose(self.lost)
        for future in (self._hello, *self._pongs.values()):
            if not future.done():
                future.set_exception(self.lost)
                future.exception()
        if self._writer is not None:
            # Not `close`: it would wait until the guest has read what is still on its way.
            self._writer.transport.abort()


def checked(answer: Acknowledged) -> Acknowledged:
    """Raises the guest's error as ours; its text is bounded and named as the guest's."""
    message = frames.printable(answer.message[:SHOWN_CHARACTERS])
    match answer.error:
        case "":
            return answer
        case "start":
            raise CannotStart(message, answer.code)
        case "refused":
            raise ArchiveRefused(message)
        case "trouble":
            raise FileTrouble(message)
        case other:
            raise SandboxError(f"the guest answered {frames.printable(other[:100])!r}: {message}")
