"""A continuous pull: one inbox, requests kept open so that a message finds one waiting, and every doubt noticed.

Both readers use it: the tail (no acknowledgements, order matters) and the durable consumer. It counts what it asked
for and what came; it asks for more as soon as half of the room is free. Doubts are: a reconnect, silence where
heartbeats should be, a consumer that is gone, an answer that is none. On a doubt the owner starts a new pull.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import NamedTuple

import msgspec
import nats.errors
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from libs.bus.jetstream.api import NANOSECONDS
from libs.bus.jetstream.connection import Connection

EXPIRES_SECONDS = 30.0
"""A request that found nothing is asked anew after this: often enough that a lost one is no loss."""
HEARTBEAT_SECONDS = 2.0
SILENCE_SECONDS = 3 * HEARTBEAT_SECONDS
"""Three missed heartbeats; a pause of the server's garbage collector is no doubt."""
CLOSE_SECONDS = 1.0
"""For what is under way to us when a reader ends, so that it can be handed back."""
_ENDED = re.compile(r"deleted|leadership|shutdown|no responders|not found", re.IGNORECASE)


class Place(NamedTuple):
    """What a delivery's reply subject tells: `$JS.ACK.<stream>.<consumer>.<n>.<seq>.<place>.<time>.<pending>`."""

    deliveries: int
    stream_seq: int
    consumer_seq: int
    time_ns: int
    pending: int


def place_of(reply: str) -> Place:
    """A server with a domain puts two tokens more before the stream, and one at the end."""
    parts = reply.split(".")
    first = 4 if len(parts) == 9 else 6
    return Place(*map(int, parts[first : first + 5]))


class Pull:
    """`received` gets each message; `room` says how many more the owner can take, those asked for already included.

    `doubtful` turns true for good; then nothing more is handed over. `changed` is called whenever an owner should look.
    """

    def __init__(
        self,
        connection: Connection,
        address: str,
        received: Callable[[Msg], None],
        room: Callable[[], int],
        changed: Callable[[], None],
    ) -> None:
        self.doubtful = False
        self.heard_consumer_seq = -1
        self._connection, self._address = connection, address
        self._received, self._room, self._changed = received, room, changed
        self._loop = asyncio.get_running_loop()
        self._asked = 0
        self._enough = 0
        self._heard = 0.0
        self._subscription: Subscription | None = None
        self._generation = connection.generation
        self._stop_watching = connection.watch(self._doubt)

    async def start(self) -> None:
        self._subscription = await self._connection.listen(None, self._on_message)
        if self._generation != self._connection.generation:
            self._doubt()
        await self.ask()

    @property
    def hungry(self) -> bool:
        """Whether to `ask` may be worth it: less than half of what was asked for is still to come."""
        return self._asked <= self._enough

    async def ask(self) -> None:
        """Asks for as much as there is room for, where that is worth a request."""
        room = self._room()
        free = room - self._asked
        if self.doubtful or self._subscription is None or free < 1 or 2 * free < room:
            return
        self._asked += free
        self._enough = self._asked // 2
        request = {
            "batch": free,
            "expires": int(EXPIRES_SECONDS * NANOSECONDS),
            "idle_heartbeat": int(HEARTBEAT_SECONDS * NANOSECONDS),
        }
        self._heard = self._loop.time()
        name = f"$JS.API.CONSUMER.MSG.NEXT.{self._address}"
        if not await self._connection.send(name, msgspec.json.encode(request), None, self._subscription.subject):
            self._doubt()

    def check(self) -> None:
        """Doubts where a request is open and nothing, not even a heartbeat, was heard."""
        if self._asked > 0 and self._loop.time() - self._heard > SILENCE_SECONDS:
            self._doubt()

    async def close(self, *, drain: bool) -> None:
        """Gives up the inbox; with `drain`, what the server had sent before still goes to `received`."""
        self._stop_watching()
        subscription, self._subscription = self._subscription, None
        if subscription is None:
            return
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await (subscription.drain() if drain and not self.doubtful else subscription.unsubscribe())
        except (nats.errors.Error, OSError, TimeoutError):  # the connection is gone, and with it the inbox
            return

    async def _on_message(self, message: Msg) -> None:
        self._heard = self._loop.time()
        if message.reply:
            self._asked = max(self._asked - 1, 0)
            self._received(message)
        else:
            self._on_status(message.headers or {})
        if self.hungry:
            await self.ask()

    def _on_status(self, headers: dict[str, str]) -> None:
        """100 is a heartbeat; 404, 408 and 409 end a request, with what it did not bring; 503 means nobody is there."""
        status, text = headers.get("Status", ""), headers.get("Description", "")
        if status == "100":
            self.heard_consumer_seq = int(headers.get("Nats-Last-Consumer", "-1"))
            self._changed()
        elif status == "503" or _ENDED.search(text):
            self._doubt()
        else:
            self._asked = max(self._asked - int(headers.get("Nats-Pending-Messages", self._asked)), 0)

    def _doubt(self) -> None:
        self.doubtful = True
        self._changed()
