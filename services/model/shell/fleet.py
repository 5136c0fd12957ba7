"""Which hosts there are, as the log says: the fold of `ev.host.*`, kept current."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection

import msgspec

from libs.bus.port import Bus, CaughtUp, Stored
from libs.contracts import subjects
from libs.contracts.envelope import decode_commit
from libs.contracts.host import HostJoined, HostLeft
from libs.contracts.ids import HostId

_events: msgspec.json.Decoder[HostJoined | HostLeft] = msgspec.json.Decoder(HostJoined | HostLeft)


class Fleet:
    """`follow` runs beside whoever asks; until it has read what is stored, `joined` waits."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._hosts: dict[HostId, HostJoined] = {}
        self._known = asyncio.Event()

    async def joined(self) -> Collection[HostJoined]:
        await self._known.wait()
        return tuple(self._hosts.values())

    async def follow(self) -> None:
        async for item in self._bus.tail(subjects.EVENTS, (subjects.ALL_HOSTS,), after=0):
            if isinstance(item, CaughtUp):
                self._known.set()
            else:
                self._apply(item)

    def _apply(self, stored: Stored) -> None:
        host = HostId(stored.subject.rpartition(".")[2])
        for raw in decode_commit(stored.data).events:
            with contextlib.suppress(msgspec.ValidationError):  # every other event of a host
                event = _events.decode(raw)
                known = self._hosts.get(host)
                if isinstance(event, HostJoined):
                    self._hosts[host] = event
                elif known is not None and known.boot_id == event.boot_id:
                    del self._hosts[host]
