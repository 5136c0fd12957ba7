"""A session's bytes arrive whole and in order, or it ends; neither side sends more than the other has asked for."""

from __future__ import annotations

import asyncio

import pytest

from libs.contracts.debug import PIECE_BYTES, WINDOW_BYTES
from services.vm_agent.debug.flow import Broken, Inflow, Outflow


class Wire:
    def __init__(self) -> None:
        self.sent: list[tuple[int, bytes]] = []

    async def send(self, n: int, data: bytes) -> None:
        self.sent.append((n, data))

    @property
    def size(self) -> int:
        return sum(len(data) for _, data in self.sent)


async def test_bytes_are_cut_and_numbered_and_arrive_as_they_were() -> None:
    wire, flow = Wire(), Inflow()
    data = bytes(range(256)) * 700
    await Outflow(wire.send).write(data)
    for n, piece in wire.sent:
        assert len(piece) <= PIECE_BYTES
        flow.take(n, piece)
    flow.end()
    got = b""
    while piece := await flow.read():
        got += piece
    assert got == data


async def test_the_window_stops_the_sender_until_it_is_opened() -> None:
    wire = Wire()
    out = Outflow(wire.send)
    writing = asyncio.create_task(out.write(bytes(2 * WINDOW_BYTES)))
    await asyncio.sleep(0)
    assert wire.size == WINDOW_BYTES
    out.granted(10 * WINDOW_BYTES)
    out.granted(-5)
    await writing
    assert wire.size == 2 * WINDOW_BYTES


@pytest.mark.parametrize("n", [1, -1])
def test_a_lost_piece_is_noticed(n: int) -> None:
    with pytest.raises(Broken, match="lost"):
        Inflow().take(n, b"x")


def test_more_than_the_window_is_refused() -> None:
    flow = Inflow()
    with pytest.raises(Broken):
        flow.take(0, bytes(PIECE_BYTES + 1))
    for n in range(WINDOW_BYTES // PIECE_BYTES):
        flow.take(n, bytes(PIECE_BYTES))
    with pytest.raises(Broken):
        flow.take(WINDOW_BYTES // PIECE_BYTES, b"x")
