"""The host's end of the guest protocol against guests that lie: each ends its own sandbox and nothing else."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as some

from services.vm_agent.sandbox.guest import commands, frames, identity, stream
from services.vm_agent.sandbox.guest.channel import Channel
from services.vm_agent.sandbox.guest.frames import HEADER, WINDOW_BYTES, Kind, Violation
from services.vm_agent.sandbox.protocol import ArchiveRefused, CannotStart, FileTrouble, SandboxLost

HELLO = frames.encode(Kind.HELLO, 0, b'{"v": 2, "up": 2.5}')


class Guest:
    """The other end of the socket, in a test's hand."""

    def __init__(self, host: Channel, end: socket.socket, losses: list[str]) -> None:
        self.host = host
        self.end = end
        self.losses = losses

    async def say(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self.end, data)

    async def answer(self, kind: Kind, stream: int, **fields: object) -> None:
        await self.say(frames.encode(kind, stream, json.dumps(fields).encode()))

    async def hear(self) -> tuple[int, int, bytes]:
        length, kind, stream = HEADER.unpack(await self._exactly(HEADER.size))
        return kind, stream, await self._exactly(length)

    async def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            part = await asyncio.get_running_loop().sock_recv(self.end, count - len(data))
            assert part, "the host has hung up"
            data += part
        return data


@pytest.fixture
async def guest() -> AsyncIterator[Guest]:
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    losses: list[str] = []
    host = Channel("s1", losses.append)
    await host.connect(ours)
    yield Guest(host, theirs, losses)
    host.close("the test is over")
    theirs.close()


async def ignore(data: bytes) -> None:
    pass


async def started(guest: Guest) -> commands.GuestExec:
    starting = asyncio.create_task(execute(guest))
    _, number, _ = await guest.hear()
    await guest.answer(Kind.ACK, number)
    return await starting


async def execute(guest: Guest) -> commands.GuestExec:
    return await commands.execute(guest.host, ["true"], env={}, cwd="/", output=ignore, killed_for_memory=lambda: False)


async def test_a_truthful_guest_is_understood(guest: Guest) -> None:
    await guest.say(HELLO)
    assert (await guest.host.hello(1)).up == 2.5
    process = await started(guest)
    await guest.say(frames.encode(Kind.OUT, 1, b"out"))
    await guest.answer(Kind.EXIT, 1, code=143, signal=15, cut=False)
    ended = await process.wait()
    assert (ended.code, ended.signal, ended.output_cut) == (143, 15, False)
    assert guest.losses == []


EARLY_LIES: dict[str, bytes] = {
    "hello twice": HELLO + HELLO,
    "another version": frames.encode(Kind.HELLO, 0, b'{"v": 1}'),
    "hello that is no JSON": frames.encode(Kind.HELLO, 0, b"\xff"),
    "hello of nested lists": frames.encode(Kind.HELLO, 0, b"[" * 60_000),
    "an unknown type": HEADER.pack(0, 99, 1),
    "a request, as if it were the host": frames.encode(Kind.EXEC, 1, b"{}"),
    "a pong for no ping": frames.encode(Kind.PONG, 0, b"x"),
    "a goodbye that nobody asked for": frames.encode(Kind.BYE, 0),
    "a stream that was never opened": frames.encode(Kind.OUT, 77, b"x"),
    "more than a frame may hold": HEADER.pack(frames.FRAME_BYTES + 1, Kind.OUT, 1),
    "four gigabytes": HEADER.pack(2**32 - 1, Kind.DATA, 1),
    "an answer of a megabyte": HEADER.pack(frames.CONTROL_BYTES + 1, Kind.ACK, 1),
}


@pytest.mark.parametrize("lie", EARLY_LIES)
async def test_a_lie_before_any_command_ends_the_sandbox(guest: Guest, lie: str) -> None:
    await guest.say(EARLY_LIES[lie])
    await until_lost(guest)
    assert len(guest.losses) == 1
    with pytest.raises(SandboxLost):
        guest.host.open(Kind.FOLDER, {"path": "/x"})


LIES_TO_A_COMMAND: dict[str, bytes] = {
    "acknowledged twice": frames.encode(Kind.ACK, 1, b"{}"),
    "an exit code out of range": frames.encode(Kind.EXIT, 1, b'{"code": 256}'),
    "a negative exit code": frames.encode(Kind.EXIT, 1, b'{"code": -1}'),
    "a code that is a text": frames.encode(Kind.EXIT, 1, b'{"code": "0"}'),
    "a code that is a fraction": frames.encode(Kind.EXIT, 1, b'{"code": 0.5}'),
    "an exit of invalid UTF-8": frames.encode(Kind.EXIT, 1, b'{"code": 0, "full": ["\xff"]}'),
    "no code at all": frames.encode(Kind.EXIT, 1, b"{}"),
    "a signal out of range": frames.encode(Kind.EXIT, 1, b'{"code": 137, "signal": 900}'),
    "two exits": frames.encode(Kind.EXIT, 1, b'{"code": 0}') * 2,
    "output after the exit": frames.encode(Kind.EXIT, 1, b'{"code": 0}') + frames.encode(Kind.OUT, 1, b"late"),
    "data of a file": frames.encode(Kind.DATA, 1, b"x"),
    "output of no bytes": frames.encode(Kind.OUT, 1),
    "a grant that nobody needs": frames.encode(Kind.MORE, 1, b"\0\0\0\1"),
}


@pytest.mark.parametrize("lie", LIES_TO_A_COMMAND)
async def test_a_lie_about_a_command_ends_the_sandbox(guest: Guest, lie: str) -> None:
    await started(guest)
    await guest.say(LIES_TO_A_COMMAND[lie])
    await until_lost(guest)


async def until_lost(guest: Guest) -> None:
    for _ in range(1000):
        if guest.losses:
            return
        await asyncio.sleep(0)
    await asyncio.sleep(0.05)
    assert guest.losses


async def test_output_beyond_the_window_ends_the_sandbox(guest: Guest) -> None:
    blocked = asyncio.Event()

    async def never(data: bytes) -> None:
        await blocked.wait()

    starting = asyncio.create_task(
        commands.execute(guest.host, ["yes"], env={}, cwd="/", output=never, killed_for_memory=lambda: False)
    )
    await guest.hear()
    await guest.answer(Kind.ACK, 1)
    process = await starting
    chunk = b"y" * 65536
    for _ in range(WINDOW_BYTES // len(chunk)):
        await guest.say(frames.encode(Kind.OUT, 1, chunk))
    await asyncio.sleep(0.05)
    assert guest.losses == []
    await guest.say(frames.encode(Kind.OUT, 1, b"y"))
    await until_lost(guest)
    blocked.set()
    with pytest.raises(SandboxLost):
        await process.wait()


async def test_a_guest_that_goes_away_ends_what_runs(guest: Guest) -> None:
    process = await started(guest)
    guest.end.shutdown(socket.SHUT_RDWR)
    with pytest.raises(SandboxLost, match="s1 is lost: the guest has gone away"):
        await process.wait()
    assert guest.losses == ["the guest has gone away"]


async def test_a_silent_guest_is_not_waited_for(guest: Guest) -> None:
    with pytest.raises(SandboxLost, match="said nothing"):
        await guest.host.hello(0.02)
    with pytest.raises(SandboxLost, match="did not answer"):
        await guest.host.ping(b"nonce", 0.02)


async def test_closing_is_no_loss_but_ends_who_waits(guest: Guest) -> None:
    process = await started(guest)
    guest.host.close("it was destroyed")
    with pytest.raises(SandboxLost, match="it was destroyed"):
        await process.wait()
    assert guest.losses == []


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"error": "start", "message": "m", "code": 127}, CannotStart),
        ({"error": "refused", "message": "m"}, ArchiveRefused),
        ({"error": "trouble", "message": "m"}, FileTrouble),
    ],
)
async def test_a_guests_error_is_raised_as_ours(guest: Guest, answer: dict[str, object], kind: type[Exception]) -> None:
    asking = asyncio.create_task(commands.make_folder(guest.host, "/x"))
    await guest.hear()
    await guest.answer(Kind.ACK, 1, **answer)
    with pytest.raises(kind, match="m"):
        await asking


async def test_a_file_larger_than_asked_for_is_not_kept(guest: Guest) -> None:
    reading = asyncio.create_task(commands.read_file(guest.host, "/x", 10))
    await guest.hear()
    await guest.say(frames.encode(Kind.DATA, 1, b"x" * 11))
    with pytest.raises(FileTrouble, match="more than 10 bytes"):
        await reading


async def test_an_upload_stops_when_the_guest_refuses_it(guest: Guest) -> None:
    putting = asyncio.create_task(commands.put(guest.host, endless(), "/x"))
    await guest.hear()
    await guest.answer(Kind.ACK, 1, error="refused", message="no tar")
    reading = asyncio.create_task(keep_hearing(guest))
    with pytest.raises(ArchiveRefused, match="no tar"):
        await within(putting)
    reading.cancel()


async def test_a_guest_that_stops_reading_cannot_hold_up_the_end(guest: Guest) -> None:
    putting = asyncio.create_task(commands.put(guest.host, endless(), "/x"))
    await asyncio.sleep(0.05)
    assert not putting.done()
    guest.host.close("it was destroyed")
    with pytest.raises(SandboxLost, match="it was destroyed"):
        await within(putting)


@pytest.mark.parametrize("grants", [[1], [0, 0]], ids=["more than it was sent", "nothing, again and again"])
async def test_a_flood_of_grants_ends_the_sandbox(guest: Guest, grants: list[int]) -> None:
    guest.host.open(Kind.PUT, {"path": "/x"})
    for count in grants:
        assert guest.losses == []
        await guest.say(frames.encode(Kind.MORE, 1, count.to_bytes(4, "big")))
    await until_lost(guest)
    assert "granted" in guest.losses[0]


async def test_a_goodbye_after_being_asked_to_end_says_so(guest: Guest) -> None:
    guest.host.halt()
    await guest.say(frames.encode(Kind.BYE, 0))
    await until_lost(guest)
    assert guest.losses == ["the guest ended, as it was asked to"]


async def within(task: asyncio.Task[None]) -> None:
    async with asyncio.timeout(5):
        await task


async def keep_hearing(guest: Guest) -> None:
    while True:
        await guest.hear()


async def endless() -> AsyncIterator[bytes]:
    while True:
        yield b"x" * 65536


@given(some.binary(max_size=9), some.binary(max_size=200))
def test_any_header_and_payload_is_a_frame_or_a_violation(header: bytes, payload: bytes) -> None:
    try:
        length, kind, _ = frames.parse_header(header.ljust(HEADER.size, b"\0"))
    except Violation:
        pass
    else:
        assert kind in frames.FROM_GUEST
        assert length <= frames.FRAME_BYTES
    for parse in (frames.hello, frames.acknowledged, frames.ended, frames.more):
        try:
            parse(payload)
        except Violation:
            continue


async def test_grants_are_told_of_in_quarters_of_the_window(guest: Guest) -> None:
    """A guest of single bytes makes no traffic back, which it might never read."""
    await started(guest)
    for _ in range(1000):
        await guest.say(frames.encode(Kind.OUT, 1, b"x"))
    await asyncio.sleep(0.05)
    with pytest.raises(BlockingIOError):
        guest.end.recv(1)
    await guest.say(frames.encode(Kind.OUT, 1, b"x" * (WINDOW_BYTES // 4)))
    kind, number, grant = await guest.hear()
    assert (kind, number) == (Kind.MORE, 1)
    assert int.from_bytes(grant, "big") >= WINDOW_BYTES // 4


async def test_a_guest_that_reads_nothing_is_given_up_before_its_words_fill_the_memory(guest: Guest) -> None:
    for _ in range(frames.FRAME_BYTES):
        if guest.losses:
            break
        guest.host.open(Kind.EXEC, {"argv": ["x" * 1_000_000]})
    assert "does not read" in guest.losses[0]


async def test_a_guest_that_answers_pings_alone_is_lost(guest: Guest) -> None:
    asking = asyncio.create_task(commands.make_folder(guest.host, "/x"))
    await guest.hear()
    for _ in range(stream.IGNORED_LOOKS):
        guest.host.look_for_ignored()
        assert guest.losses == []
    guest.host.look_for_ignored()
    assert guest.losses == ["the guest answers pings, but not the FOLDER that it was asked"]
    with pytest.raises(SandboxLost):
        await asking


async def test_a_command_that_says_nothing_for_long_is_not_ignored(guest: Guest) -> None:
    await started(guest)
    for _ in range(10 * stream.IGNORED_LOOKS):
        guest.host.look_for_ignored()
    assert guest.losses == []


async def test_a_slow_giver_and_a_slow_taker_are_not_the_guests_fault(guest: Guest) -> None:
    reading = commands.get(guest.host, "/x")
    first = asyncio.ensure_future(anext(reading))
    await guest.hear()
    await guest.say(frames.encode(Kind.DATA, 1, b"x" * 100_000))
    assert len(await first) > 0
    putting = asyncio.create_task(commands.put(guest.host, slow(), "/x"))
    await guest.hear()
    for _ in range(10 * stream.IGNORED_LOOKS):
        guest.host.look_for_ignored()
    assert guest.losses == []
    putting.cancel()


async def slow() -> AsyncIterator[bytes]:
    await asyncio.Event().wait()
    yield b""


async def test_a_clock_that_does_not_obey_is_refused(guest: Guest) -> None:
    answering = asyncio.create_task(answer_time(guest, ns=0))
    with pytest.raises(SandboxLost, match="does not obey"):
        await identity.set_clock(guest.host)
    answering.cancel()


async def answer_time(guest: Guest, ns: int) -> None:
    while True:
        _, number, _ = await guest.hear()
        await guest.answer(Kind.DATA, number, ns=ns)
        await guest.answer(Kind.ACK, number)
