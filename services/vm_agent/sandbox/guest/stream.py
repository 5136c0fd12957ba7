"""One conversation of the channel, as the host keeps it: what was asked, what may come next, what has come so far.

No I/O of its own: `channel` puts frames in, whoever asked takes them out. Memory is bounded by WINDOW_BYTES, since a
guest that sends more than it was granted breaks the protocol.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from services.vm_agent.sandbox.guest import frames
from services.vm_agent.sandbox.guest.frames import WINDOW_BYTES, Acknowledged, Ended, Frame, Kind, Violation
from services.vm_agent.sandbox.protocol import OUTPUT_CHUNK_BYTES

IGNORED_LOOKS = 24
"""So often in a row is a guest found to answer pings and not this: two minutes, for an emulated one on a slow disk."""
GRANT_BYTES = WINDOW_BYTES // 4
_ANSWERED_BY_DATA = frozenset({Kind.GET, Kind.READ, Kind.IDENT, Kind.TIME})


class Stream:
    """`asked` is the frame type that opened it; it says which answers are in order. `takes_input`: the guest takes DATA
    on it."""

    def __init__(
        self, number: int, asked: Kind, send: Callable[[Kind, int, bytes], None], *, takes_input: bool = False
    ) -> None:
        self.number = number
        self.asked = asked
        self._takes_input = takes_input or asked in (Kind.PUT, Kind.WRITE)
        self._send = send
        loop = asyncio.get_running_loop()
        self.acknowledged: asyncio.Future[Acknowledged] = loop.create_future()
        self.ended: asyncio.Future[Ended] = loop.create_future()
        self._arrived = bytearray()
        self._granted = WINDOW_BYTES
        self._may_send = WINDOW_BYTES
        self._taken = 0
        """Not granted again yet."""
        self._granted_nothing = False
        self._all_sent = False
        self._looks = 0
        self._changed = asyncio.Event()
        self._lost: Exception | None = None
        for future in (self.acknowledged, self.ended):
            future.add_done_callback(lambda done: done.cancelled() or done.exception())

    def take_frame(self, frame: Frame) -> bool:
        """Whether the stream is over with this. Raises Violation."""
        self._looks = 0
        match frame.kind:
            case Kind.OUT | Kind.DATA:
                self._take_bytes(frame)
            case Kind.ACK:
                self._check(not self.acknowledged.done(), frame)
                answer = frames.acknowledged(frame.payload)
                self.acknowledged.set_result(answer)
                self._changed.set()
                return self.asked is not Kind.EXEC or bool(answer.error)
            case Kind.EXIT:
                self._check(self.asked is Kind.EXEC and self.acknowledged.done(), frame)
                self.ended.set_result(frames.ended(frame.payload))
                self._changed.set()
                return True
            case Kind.MORE:
                self._check(self._takes_input, frame)
                self._take_grant(frames.more(frame.payload))
            case _:
                self._check(False, frame)
        return False

    def _take_grant(self, count: int) -> None:
        """A guest grants what it took, so that a flood of grants is bounded by what it was sent."""
        if not count:
            # The agent says it once, for the empty DATA that ends a file.
            if self._granted_nothing:
                raise Violation("it granted nothing, again")
            self._granted_nothing = True
        self._may_send += count
        if self._may_send > WINDOW_BYTES:
            raise Violation("it granted more than it was sent")
        self._changed.set()

    def _take_bytes(self, frame: Frame) -> None:
        if not frame.payload:
            raise Violation(f"it sent an empty {frame.kind.name}")
        started = self.asked is Kind.EXEC and self.acknowledged.done()
        self._check(started if frame.kind is Kind.OUT else self.asked in _ANSWERED_BY_DATA, frame)
        self._granted -= len(frame.payload)
        if self._granted < 0:
            raise Violation("it sent more than it was granted")
        self._arrived += frame.payload
        self._changed.set()

    def _check(self, in_order: bool, frame: Frame) -> None:
        if not in_order:
            raise Violation(f"it sent {frame.kind.name} where it was not in order")

    def lose(self, why: Exception) -> None:
        self._lost = why
        for future in (self.acknowledged, self.ended):
            if not future.done():
                future.set_exception(why)
        self._changed.set()

    async def receive(self) -> bytes:
        """The next bytes, b"" when no more will come. The guest is granted as much again once they are asked for."""
        while not self._arrived:
            if self._lost is not None:
                raise self._lost
            if self._is_over():
                return b""
            self._changed.clear()
            await self._changed.wait()
        data = bytes(self._arrived[:OUTPUT_CHUNK_BYTES])
        del self._arrived[: len(data)]
        return data

    def grant(self, count: int) -> None:
        """After the bytes were really taken. The guest is told of many at once, so that one that sends them one by one
        makes no traffic."""
        self._taken += count
        if self._taken < GRANT_BYTES or self._is_over():
            return
        granted, self._taken = self._taken, 0
        self._granted += granted
        self._send(Kind.MORE, self.number, granted.to_bytes(4, "big"))

    def _is_over(self) -> bool:
        return self.ended.done() or (self.asked is not Kind.EXEC and self.acknowledged.done())

    async def may_send(self) -> int:
        """How many bytes of DATA the guest takes now; 0 once it has answered, for then it wants no more."""
        over = self.ended if self.asked is Kind.EXEC else self.acknowledged
        while not self._may_send and not over.done():
            self._changed.clear()
            await self._changed.wait()
        return 0 if over.done() else self._may_send

    def sent(self, count: int) -> None:
        self._may_send -= count

    def sent_all(self) -> None:
        self._all_sent = True

    def is_ignored(self) -> bool:
        """Asked from time to time, while the guest is known to run: it has not answered for too many times in a row."""
        self._looks = self._looks + 1 if self._waits_for_guest() else 0
        return self._looks > IGNORED_LOOKS

    def _waits_for_guest(self) -> bool:
        """The next word is the guest's. A command may say nothing for hours once it runs."""
        if self.asked is Kind.EXEC:
            return not self.acknowledged.done()
        if self._takes_input:
            return self._all_sent or not self._may_send
        return not self._arrived
