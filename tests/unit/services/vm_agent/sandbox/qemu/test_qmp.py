"""QEMU's control channel, with a peer that answers as the protocol says, and one that does not."""

from __future__ import annotations

import asyncio
import json
import os
import select
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from services.vm_agent.sandbox.qemu.qmp import LINE_BYTES, Monitor, MonitorError

Said = dict[str, object]
GREETING: Said = {"QMP": {"version": "7.2"}}


class Peer:
    """The other end of the channel: what was asked, and whatever is to be said."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self.asked: list[Said] = []

    async def open(self) -> None:
        self._reader, self._writer = await asyncio.open_connection(sock=self._end)

    async def hear(self) -> Said:
        said: Said = json.loads(await self._reader.readline())
        self.asked.append(said)
        return said

    def say(self, *lines: Said | bytes) -> None:
        for line in lines:
            self._writer.write(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\r\n")

    async def answer(self, returned: object = None) -> None:
        asked = await self.hear()
        self.say({"return": {} if returned is None else returned, "id": asked["id"]})

    async def answer_with_descriptor(self) -> int:
        """Takes what comes along with the next request, past the stream, which would drop it."""
        self._writer.transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.sleep(0)
        line, descriptors, _, _ = await asyncio.to_thread(self._recv)
        self.asked.append(json.loads(line))
        self._writer.transport.resume_reading()  # type: ignore[attr-defined]
        self.say({"return": {}, "id": self.asked[-1]["id"]})
        (descriptor,) = descriptors
        return descriptor

    def _recv(self) -> tuple[bytes, list[int], int, object]:
        select.select([self._end], [], [], 5)
        return socket.recv_fds(self._end, LINE_BYTES, 1)

    def close(self) -> None:
        self._writer.transport.abort()


Connected = tuple[Monitor, Peer, list[tuple[str, object]]]


@pytest.fixture
async def connected() -> AsyncIterator[Connected]:
    ours, theirs = socket.socketpair()
    events: list[tuple[str, object]] = []
    monitor, peer = Monitor(ours, lambda name, data: events.append((name, data))), Peer(theirs)
    await peer.open()
    peer.say(GREETING)
    await both(monitor.connect(), peer.answer())
    assert peer.asked[0]["execute"] == "qmp_capabilities"
    yield monitor, peer, events
    monitor.close()
    peer.close()


async def both(one: Awaitable[object], other: Awaitable[object]) -> object:
    return (await asyncio.gather(one, other))[0]


async def test_an_answer_is_told_apart_from_events(connected: Connected) -> None:
    monitor, peer, events = connected

    async def reply() -> None:
        asked = await peer.hear()
        peer.say({"event": "STOP", "data": {"x": 1}}, {"return": {"status": "paused"}, "id": asked["id"]})

    assert await both(monitor.ask("query-status"), reply()) == {"status": "paused"}
    assert events == [("STOP", {"x": 1})]


async def test_a_refusal_has_its_reason(connected: Connected) -> None:
    monitor, peer, _ = connected

    async def refuse() -> None:
        asked = await peer.hear()
        peer.say({"error": {"class": "GenericError", "desc": "no such thing"}, "id": asked["id"]})

    with pytest.raises(MonitorError, match="refused `migrate`: no such thing"):
        await both(monitor.ask("migrate", {"uri": "fd:x"}), refuse())
    assert peer.asked[-1]["arguments"] == {"uri": "fd:x"}


async def test_an_answer_that_comes_too_late_is_nobody_elses(connected: Connected) -> None:
    monitor, peer, _ = connected
    with pytest.raises(MonitorError, match=r"did not answer within 0\.01 s \(stop\)"):
        await monitor.ask("stop", seconds=0.01)
    late = await peer.hear()
    peer.say({"return": {"late": True}, "id": late["id"]})
    assert await both(monitor.ask("query-status"), peer.answer({"status": "running"})) == {"status": "running"}


async def test_it_asks_again_until_the_state_is_there(connected: Connected) -> None:
    monitor, peer, _ = connected

    async def replies() -> None:
        for status in ("inmigrate", "inmigrate", "paused"):
            await peer.answer({"status": status})

    assert await both(monitor.until("query-status", frozenset({"paused"}), 5), replies()) == "paused"


async def test_a_state_that_never_comes_has_a_deadline(connected: Connected) -> None:
    monitor, peer, _ = connected

    async def for_ever() -> None:
        while True:
            await peer.answer({"status": "inmigrate"})

    replying = asyncio.ensure_future(for_ever())
    with pytest.raises(MonitorError, match="query-status to be paused"):
        await monitor.until("query-status", frozenset({"paused"}), 0.05)
    replying.cancel()


async def test_a_descriptor_goes_along(connected: Connected) -> None:
    monitor, peer, _ = connected
    reading, writing = os.pipe()
    taking = asyncio.ensure_future(peer.answer_with_descriptor())
    await asyncio.sleep(0)
    await monitor.ask("getfd", {"fdname": "x"}, descriptor=writing)
    theirs = await taking
    assert peer.asked[-1]["arguments"] == {"fdname": "x"}
    os.write(theirs, b"through the descriptor that went along")
    assert os.read(reading, 64) == b"through the descriptor that went along"
    for descriptor in (reading, writing, theirs):
        os.close(descriptor)


async def gone(peer: Peer) -> None:
    await peer.hear()
    peer.close()


def says(line: bytes) -> Callable[[Peer], Awaitable[None]]:
    async def nonsense(peer: Peer) -> None:
        await peer.hear()
        peer.say(line)

    return nonsense


@pytest.mark.parametrize(
    ("act", "why"),
    [
        pytest.param(gone, "QEMU has ended", id="gone"),
        pytest.param(says(b"what?\n"), "nonsense", id="no JSON"),
        pytest.param(says(b"[]\n"), "nonsense", id="no object"),
        pytest.param(says(b'{"event": 5}\n'), "nonsense", id="no name"),
        pytest.param(says(b"[" * 100_000 + b"\n"), "nonsense", id="deep"),
        pytest.param(says(b"x" * (LINE_BYTES + 70_000)), "nonsense", id="endless line"),
    ],
)
async def test_a_peer_that_breaks_the_rules_ends_the_channel(
    connected: Connected, act: Callable[[Peer], Awaitable[None]], why: str
) -> None:
    monitor, peer, _ = connected
    with pytest.raises(MonitorError, match=why):
        await both(monitor.ask("query-status"), act(peer))
    with pytest.raises(MonitorError, match=why):
        await monitor.ask("query-status")


async def test_whoever_waits_when_it_is_closed_is_told(connected: Connected) -> None:
    monitor, peer, _ = connected
    asking = asyncio.ensure_future(monitor.ask("query-status"))
    await peer.hear()
    monitor.close()
    with pytest.raises(MonitorError, match="closed"):
        await asking
