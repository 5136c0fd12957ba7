"""One connection to NATS: requests with a deadline, reconnects, and the end of it.

Over nats-py it changes three things. Nothing is written while there is no connection (the library would deliver it
after the caller gave up). A request that was under way when the connection broke is sent again within its deadline, so
every request here must be harmless when it is repeated. And a refusal by the server's permissions, which the library
reports on the side while the request times out, ends the connection: each waiting call raises it.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
from collections.abc import Callable, Coroutine, Mapping

import nats.errors
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from libs.bus.jetstream.client import LeanClient, servers_of
from libs.bus.port import BusDown
from libs.telemetry import log

REQUEST_SECONDS = 5.0
"""An answer takes a millisecond; a cluster that elects a leader needs four to seven seconds, and then we ask again."""
CONNECT_SECONDS = 2
PING_SECONDS = 10
"""Three silent pings and the connection is made anew; also the way out where the library's read loop has died."""
RECONNECT_PAUSE_SECONDS = 0.1
"""A killed server is back in 30 ms to a second."""
RETRY_PAUSE_SECONDS = 0.05
"""Where JetStream is not up yet, or elects."""
MAX_PENDING_BYTES = 128 * 1024 * 1024
"""A subscription's unread messages; our own windows bound them far below, so that none is ever dropped."""
Received = Callable[[Msg], Coroutine[None, None, None]]
_NAME = re.compile(r"[^A-Za-z0-9_-]")


class Interrupted(Exception):
    """The connection broke before the answer came: ask again."""


class NotAllowed(BusDown):
    """The server's permissions forbid this user something that the service needs; it cannot go on."""


class Connection:
    """`generation` counts the connections that there were: what hung on an older one is gone."""

    def __init__(self, name: str) -> None:
        self.generation = 0
        self.name = _NAME.sub("_", name) or "firebreak"
        self._client = LeanClient()
        self._logger = log.get("bus").bind(client=self.name)
        self.inbox = f"_INBOX_{self.name}.{secrets.token_hex(8)}"
        self._tokens = 0
        self._collectors: dict[str, Callable[[Msg | None], None]] = {}
        self._watchers: set[Callable[[], None]] = set()
        self._ended: BusDown | None = None
        self._opened = False
        self._connected = asyncio.Event()

    async def open(self, url: str, wait_seconds: float) -> None:
        """Raises BusDown where there is no server within `wait_seconds`, NotAllowed where it refuses us."""
        servers, user, password = servers_of(url)
        try:
            async with asyncio.timeout(wait_seconds):
                await self._client.connect(
                    servers,
                    user=user if password else None,
                    password=password or None,
                    token=None if password else user,
                    name=self.name,
                    error_cb=self._on_error,
                    disconnected_cb=self._on_disconnected,
                    reconnected_cb=self._on_reconnected,
                    closed_cb=self._on_closed,
                    inbox_prefix=f"_INBOX_{self.name}",
                    connect_timeout=CONNECT_SECONDS,
                    ping_interval=PING_SECONDS,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=RECONNECT_PAUSE_SECONDS,  # pyright: ignore[reportArgumentType]  # any seconds
                )
                await self._subscribe(f"{self.inbox}.*", self._on_answer)
        except NotAllowed:
            await self._close_client()
            raise
        except (nats.errors.Error, OSError, TimeoutError, ValueError) as error:
            await self._close_client()
            raise BusDown(f"no NATS at {', '.join(servers)} within {wait_seconds:g} s: {error!r}") from error
        self._opened = True
        self._connected.set()

    async def close(self) -> None:
        self._end(BusDown("the connection to the bus was closed"))
        await self._close_client()

    async def request(
        self,
        subject: str,
        data: bytes,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float = REQUEST_SECONDS,
    ) -> Msg:
        """The answer. Raises BusDown after the deadline; before it, asks again where that helps."""
        why = "no answer"
        try:
            async with asyncio.timeout(timeout_seconds):
                while True:
                    try:
                        answer = await self._ask(subject, data, headers)
                    except Interrupted:
                        why = "the connection broke"
                        continue
                    if answer.headers is None or answer.headers.get("Status") != "503":
                        return answer
                    why = "nobody there takes it: JetStream is not up, or there is no such stream"
                    await asyncio.sleep(RETRY_PAUSE_SECONDS)
        except TimeoutError:
            self.raise_if_ended()
            raise BusDown(f"{subject}: {why}, after {timeout_seconds:g} s") from None

    def collect(self, collector: Callable[[Msg | None], None]) -> tuple[str, Callable[[], None]]:
        """An address for answers, and how to give it up. The collector is called with each answer, and with None when
        the connection broke or ended: no more will come."""
        self._tokens += 1
        token = str(self._tokens)
        self._collectors[token] = collector
        return f"{self.inbox}.{token}", lambda: self._collectors.pop(token, None) and None

    async def send(self, subject: str, data: bytes, headers: Mapping[str, str] | None = None, reply: str = "") -> bool:
        """Written to the connection; False where there is none just now. Raises BusDown where it has ended for good."""
        self.raise_if_ended()
        if not self._client.is_connected:
            return False
        try:
            await self._client.publish(subject, data, reply=reply, headers=None if headers is None else dict(headers))
        except nats.errors.Error as error:
            raise BusDown(f"{subject}: {error!r}") from error
        return True

    async def deliver(self, subject: str, data: bytes) -> None:
        """Written to the connection, to the next one where there is none just now. Raises BusDown as `send`."""
        while not await self.send(subject, data):
            await self.connected()

    async def connected(self) -> None:
        """Waits for a connection, the first or the next."""
        while not self._client.is_connected:
            self.raise_if_ended()
            self._connected.clear()
            await self._connected.wait()
        self.raise_if_ended()

    async def listen(self, subject: str | None, received: Received) -> Subscription:
        """A subscription that outlives reconnects; without a subject, on an inbox of its own."""
        self.raise_if_ended()
        if subject is None:
            self._tokens += 1
            subject = f"{self.inbox}.pull.{self._tokens}"
        try:
            return await self._subscribe(subject, received)
        except nats.errors.Error as error:
            raise BusDown(f"{subject}: {error!r}") from error

    async def ping(self) -> None:
        """Raises BusDown."""
        self.raise_if_ended()
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                await self.connected()
                await self._round_trip()
        except (nats.errors.Error, TimeoutError) as error:
            self.raise_if_ended()
            raise BusDown(f"the bus does not answer: {error!r}") from error

    async def _round_trip(self) -> None:
        """In a task of its own: the library waits by `wait_for`, which on Python 3.11 takes a cancellation that comes
        together with the answer for none, and whoever asks again and again would never end.
        """
        asking = asyncio.ensure_future(self._client.rtt(int(REQUEST_SECONDS)))
        try:
            await asyncio.wait([asking])
            asking.result()
        finally:
            asking.cancel()

    def watch(self, watcher: Callable[[], None]) -> Callable[[], None]:
        """Calls the watcher on each reconnect and at the end; returns how to stop that."""
        self._watchers.add(watcher)
        return lambda: self._watchers.discard(watcher)

    def raise_if_ended(self) -> None:
        if self._ended is not None:
            raise self._ended

    async def _subscribe(self, subject: str, received: Received) -> Subscription:
        return await self._client.subscribe(  # pyright: ignore[reportUnknownMemberType]  # its `future` is untyped
            subject, cb=received, pending_bytes_limit=MAX_PENDING_BYTES
        )

    async def _close_client(self) -> None:
        """The library asserts that a connection was ever begun; where none was, there is nothing to close. Where it is
        broken, the library's last flush fails, and what would have been flushed is nobody's loss: nothing is promised.
        """
        with contextlib.suppress(AssertionError, OSError):
            await self._client.close()

    async def _ask(self, subject: str, data: bytes, headers: Mapping[str, str] | None) -> Msg:
        await self.connected()
        future: asyncio.Future[Msg] = asyncio.get_running_loop().create_future()

        def answered(answer: Msg | None) -> None:
            if future.done():
                return
            if answer is None:
                future.set_exception(self._ended or Interrupted())
            else:
                future.set_result(answer)

        reply, give_up = self.collect(answered)
        try:
            if not await self.send(subject, data, headers, reply):
                raise Interrupted
            return await future
        finally:
            give_up()

    async def _on_answer(self, message: Msg) -> None:
        collector = self._collectors.get(message.subject[len(self.inbox) + 1 :])
        if collector is not None:
            collector(message)

    async def _on_error(self, error: Exception) -> None:
        text = str(error).lower()
        if "authorization" in text and not self._opened:
            raise NotAllowed(f"the bus refuses {self.name}: its name and password are not those of a user there")
        if "permissions violation" in text:
            self._logger.error("the bus forbids this", why=error)
            self._end(NotAllowed(f"{error}: give the user {self.name} this permission in the server's configuration"))
        elif self._client.is_connected:
            self._logger.error("bus error", why=repr(error))
        else:
            self._logger.debug("no connection yet", why=repr(error))

    async def _on_disconnected(self) -> None:
        if self._ended is None:
            self._logger.warning("the connection to the bus broke")
        self._tell_collectors()

    async def _on_reconnected(self) -> None:
        self._logger.info("connected to the bus again")
        self.generation += 1
        self._connected.set()
        self._tell_watchers()

    async def _on_closed(self) -> None:
        self._end(BusDown("the bus closed the connection for good"))

    def _end(self, why: BusDown) -> None:
        if self._ended is None:
            self._ended = why
        self._connected.set()
        self._tell_collectors()
        self._tell_watchers()

    def _tell_collectors(self) -> None:
        for collector in list(self._collectors.values()):
            collector(None)

    def _tell_watchers(self) -> None:
        for watcher in list(self._watchers):
            watcher()
