"""A durable consumer: a continuous pull, workers that handle, and what becomes of each message.

A message is in one of four places: waiting for a worker, with a worker, put off (`Retry`), or finished. What waits or
is put off is ours, so we tell the server again and again that it is in progress; a handler tells so itself. How much
may wait is measured in time: what the workers finish within `WAITING_SECONDS`, so that a slow handler hoards nothing
that another process could do, and a fast one never waits for the network.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass

from nats.aio.msg import Msg

from libs.bus import dead_letters, policy
from libs.bus.handling import handle
from libs.bus.jetstream import api, appending, durable
from libs.bus.jetstream.connection import RETRY_PAUSE_SECONDS, Connection
from libs.bus.jetstream.pull import HEARTBEAT_SECONDS, Pull, place_of
from libs.bus.jetstream.tail import stored_of
from libs.bus.port import BusDown, Consumer, Handler, Stored
from libs.contracts.subjects import DEAD
from libs.telemetry import log

WAITING_SECONDS = 0.05
MOST_WAITING = 256
"""However fast the handler is: beyond this a larger window gains nothing."""
MEAN_OVER_MESSAGES = 32
ACK, NAK, PROGRESS = b"+ACK", b"-NAK", b"+WPI"


@dataclass(slots=True, eq=False)
class JetStreamMessage:
    """A message in hand."""

    stored: Stored
    attempt: int
    reply: str
    connection: Connection

    async def in_progress(self) -> None:
        await self.connection.send(self.reply, PROGRESS)


class Consuming:
    """One `consume` call."""

    def __init__(self, connection: Connection, consumer: Consumer, handler: Handler) -> None:
        self._connection, self._consumer, self._handler = connection, consumer, handler
        self._logger = log.get("bus").bind(client=connection.name)
        self._waiting: asyncio.Queue[JetStreamMessage] = asyncio.Queue()
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self._held: dict[int, JetStreamMessage] = {}
        """What waits or is put off, by its place: handed out again, it is the same message, not a second one."""
        self._working = 0
        self._mean_seconds = 0.0
        self._changed = asyncio.Event()
        self._pull: Pull | None = None

    async def run(self) -> None:
        """Until cancelled, or until the connection has ended for good. Raises ValueError for an impossible consumer."""
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._consumer.concurrency):
                    group.create_task(self._work())
                group.create_task(self._supervise())
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        finally:
            await self._hand_back()

    async def _supervise(self) -> None:
        """Keeps the pull going and what waits alive."""
        pause_seconds = min(HEARTBEAT_SECONDS, self._consumer.ack_wait_seconds / 3)
        kept_alive = asyncio.get_running_loop().time()
        while True:
            self._connection.raise_if_ended()
            if self._pull is None or self._pull.doubtful:
                await self._renew()
            self._changed.clear()
            try:
                async with asyncio.timeout(pause_seconds):
                    await self._changed.wait()
            except TimeoutError:
                if self._pull is not None:
                    self._pull.check()
            if asyncio.get_running_loop().time() - kept_alive >= pause_seconds:
                kept_alive = asyncio.get_running_loop().time()
                await self._keep_alive()

    async def _renew(self) -> None:
        if self._pull is not None:
            await self._pull.close(drain=False)
        while not await self._create():
            await asyncio.sleep(RETRY_PAUSE_SECONDS)
        self._pull = Pull(self._connection, self._address, self._received, self._room, self._changed.set)
        await self._pull.start()

    async def _create(self) -> bool:
        """Makes the consumer, or makes the one that is there what it should be. False: the bus is away just now."""
        try:
            await durable.ensure(self._connection, self._consumer)
        except api.Refused as error:
            if error.code not in api.UNAVAILABLE and not self._was_there(error):
                raise
            return False
        except BusDown as error:
            self._connection.raise_if_ended()
            self._logger.warning("the consumer waits for the bus", consumer=self._consumer.name, why=error)
            return False
        return True

    def _was_there(self, error: api.Refused) -> bool:
        """A stream that we have read and that is gone is one in memory, and the server started again: it will be made
        again. One that never was is the caller's mistake."""
        return error.code == api.STREAM_NOT_FOUND and self._pull is not None

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            message = await self._waiting.get()
            del self._held[message.stored.seq]
            self._working += 1
            started = loop.time()
            try:
                await self._handle(message)
            finally:
                self._working -= 1
            seconds = loop.time() - started
            self._mean_seconds += (seconds - self._mean_seconds) / (MEAN_OVER_MESSAGES if self._mean_seconds else 1)
            if self._pull is not None and self._pull.hungry:
                await self._pull.ask()

    async def _handle(self, message: JetStreamMessage) -> None:
        try:
            outcome = await handle(message, self._handler, self._consumer, self._logger)
        except asyncio.CancelledError:
            with contextlib.suppress(BusDown):
                await self._connection.send(message.reply, NAK)
            raise
        match outcome:
            case policy.Done():
                await self._connection.deliver(message.reply, ACK)
            case policy.Again(pause_seconds, _):
                await self._again(message, pause_seconds)
            case policy.Later(pause_seconds):
                self._later(message, pause_seconds)
            case policy.Dead(reason):
                await self._bury(message, reason)

    async def _again(self, message: JetStreamMessage, pause_seconds: float) -> None:
        delay = f' {{"delay": {int(pause_seconds * api.NANOSECONDS)}}}'.encode()
        await self._connection.deliver(message.reply, NAK + delay)

    def _later(self, message: JetStreamMessage, pause_seconds: float) -> None:
        seq = message.stored.seq

        def due() -> None:
            del self._timers[seq]
            self._waiting.put_nowait(message)

        self._held[seq] = message
        self._timers[seq] = asyncio.get_running_loop().call_later(pause_seconds, due)

    async def _bury(self, message: JetStreamMessage, reason: str) -> None:
        """Stored with the dead letters first; if that fails, it is handed out again and dies then."""
        stream, name = self._consumer.stream, self._consumer.name
        headers = dead_letters.headers(
            message.stored, stream=stream, consumer=name, reason=reason, attempt=message.attempt
        )
        once = {"Nats-Msg-Id": f"{stream}.{name}.{message.stored.seq}"}
        try:
            await appending.publish(
                self._connection, dead_letters.address(stream, name), message.stored.data, {**headers, **once}
            )
        except BusDown as error:
            self._logger.error("a dead letter could not be stored", stream=DEAD, why=error)
            await self._again(message, policy.PAUSES_SECONDS[-1])
            return
        await self._connection.deliver(message.reply, ACK)

    async def _keep_alive(self) -> None:
        """What waits here is not lost."""
        for message in list(self._held.values()):
            await message.in_progress()

    async def _hand_back(self) -> None:
        """Whoever shares the consumer gets at once what we did not begin."""
        for timer in self._timers.values():
            timer.cancel()
        if self._pull is not None:
            await self._pull.close(drain=True)
        with contextlib.suppress(BusDown):
            for message in self._held.values():
                await self._connection.send(message.reply, NAK)

    @property
    def _address(self) -> str:
        return f"{self._consumer.stream}.{self._consumer.name}"

    def _room(self) -> int:
        window = self._consumer.concurrency
        if self._mean_seconds > 0:
            window += min(MOST_WAITING, int(WAITING_SECONDS * self._consumer.concurrency / self._mean_seconds))
        return window - self._working - self._waiting.qsize()

    def _received(self, message: Msg) -> None:
        place = place_of(message.reply)
        held = self._held.get(place.stream_seq)
        if held is not None:
            held.reply = message.reply
            return
        stored = stored_of(message, place.stream_seq, place.time_ns)
        arrived = JetStreamMessage(stored, place.deliveries, message.reply, self._connection)
        self._held[stored.seq] = arrived
        self._waiting.put_nowait(arrived)
