"""Event streams over real HTTP: a client that reconnects loses no line and gets none twice, whatever is in between."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from libs.blobs.memory import MemoryBlobs
from libs.bus.memory import MemoryBus
from libs.bus.port import CaughtUp, Stored
from libs.contracts import subjects
from libs.contracts.attempt import AttemptLost
from services.console import live
from services.console.__main__ import serve
from tests.contract.services.console.opened import Opened, listening, make_process
from tests.unit.services.console.telling import Telling

LOG = "/runs/7/jobs/build/1/live"
SECONDS = 10


@dataclass
class Event:
    name: str = "message"
    id: str = ""
    data: str = ""

    @property
    def json(self) -> object:
        return json.loads(self.data)


async def events(client: httpx.AsyncClient, path: str, last: str = "") -> AsyncGenerator[Event]:
    """As a browser reads them. `last` is what it sends as Last-Event-ID."""
    headers = {"last-event-id": last} if last else {}
    async with client.stream("GET", path, headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["x-accel-buffering"] == "no"
        event = Event()
        async for line in answer.aiter_lines():
            name, _, value = line.partition(": ")
            if name == "event":
                event.name = value
            elif name == "id":
                event.id = value
            elif name == "data":
                event.data = value
            elif not line and event.data:
                yield event
                event = Event()


@dataclass
class Reader:
    """What a browser knows: the lines that it shows, and the id of the last event."""

    last: str = ""
    lines: list[tuple[int, int, str]] = field(default_factory=list[tuple[int, int, str]])
    gaps: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    titles: dict[int, str] = field(default_factory=dict[int, str])
    ended: dict[str, object] | None = None

    async def read(self, client: httpx.AsyncClient, most: int = 1_000_000, path: str = LOG) -> None:
        """Until the stream ends, or `most` events with lines came: then the connection is dropped."""
        async with asyncio.timeout(SECONDS), aclosing(events(client, path, self.last)) as stream:
            async for event in stream:
                data = event.json
                if event.name == "end":
                    self.ended = data  # type: ignore[assignment]
                elif event.name == "gap":
                    self.gaps.append((data["first"], data["count"]))  # type: ignore[index]
                elif event.name == "step":
                    self.titles[data["step"]] = data["title"]  # type: ignore[index]
                else:
                    self.lines += [tuple(line) for line in data]  # type: ignore[union-attr]
                    assert event.id == str(self.lines[-1][0])
                    self.last = event.id
                    most -= 1
                    if most == 0:
                        return

    @property
    def numbers(self) -> list[int]:
        return [number for number, _, _ in self.lines]


async def begun(it: Opened) -> Telling:
    telling = Telling(it.process.bus, blobs=it.process.blobs)
    await telling.planned()
    await telling.assigned()
    await telling.started()
    await it.up_to_date()
    return telling


async def test_lines_come_while_the_step_prints_them_and_the_end_after_all_of_them(tmp_path: Path) -> None:
    async with listening(make_process(tmp_path)) as it:
        telling = await begun(it)
        reader = Reader()
        await telling.print("before")
        reading = asyncio.create_task(reader.read(it.client))
        async with asyncio.timeout(SECONDS):
            while reader.numbers != [0]:
                await asyncio.sleep(0.01)
            await telling.print("red \x1b[31mtext\x1b[0m", "<b>")
            while reader.numbers != [0, 1, 2]:
                await asyncio.sleep(0.01)
        assert reader.ended is None
        await telling.second_step()
        await telling.print("again", step=1)
        await telling.attempt_over()
        await reading

        assert reader.lines == [(0, 0, "before"), (1, 0, "red text"), (2, 0, "<b>"), (3, 1, "again")]
        assert reader.titles == {0: "Run true", 1: "Run false"}
        assert reader.ended == {"lines": 4, "conclusion": "failure", "why": ""}
        assert reader.gaps == []


async def test_a_finished_log_comes_whole_and_can_be_resumed_anywhere(tmp_path: Path) -> None:
    async with listening(make_process(tmp_path)) as it:
        telling = await begun(it)
        for start in range(0, 50, 5):
            await telling.print(*(f"line {start + place}" for place in range(5)))
        await telling.attempt_over()
        await it.up_to_date()

        for after in range(-1, 50):
            reader = Reader(last=str(after))
            await reader.read(it.client)
            assert reader.numbers == list(range(after + 1, 50))
            assert reader.ended is not None
            by_query = Reader()
            await by_query.read(it.client, path=f"{LOG}?after={after}")
            assert by_query.lines == reader.lines


@pytest.mark.parametrize("restart", [False, True], ids=["same console", "restarted console"])
async def test_reconnecting_after_every_event_loses_and_repeats_nothing(restart: bool, tmp_path: Path) -> None:
    """Over a log that grows meanwhile, over its end, over the change from the stream to the blob, over restarts."""
    bus, blobs, reader = MemoryBus(), MemoryBlobs(), Reader()
    process = make_process(tmp_path, bus, blobs)
    telling = Telling(bus, blobs=blobs)
    await telling.planned()
    await telling.assigned()
    await telling.started()
    async with AsyncExitStack() as whole:
        kept = None if restart else await whole.enter_async_context(listening(process))
        for round in range(40):
            if round < 10:
                for place in range(3):
                    await telling.print(*(f"{round}.{place}.{line}" for line in range(4)))
            elif round == 10:
                await telling.attempt_over()
            async with AsyncExitStack() as once:
                it = kept or await once.enter_async_context(listening(make_process(tmp_path, bus, blobs)))
                await it.up_to_date()
                for _ in range(2):
                    if reader.ended is None:
                        await reader.read(it.client, most=1)

    assert reader.numbers == list(range(telling.lines))
    assert [text for _, _, text in reader.lines[:5]] == ["0.0.0", "0.0.1", "0.0.2", "0.0.3", "0.1.0"]
    assert reader.ended is not None
    assert reader.gaps == []


async def test_a_reader_in_the_middle_of_the_change_from_stream_to_blob(tmp_path: Path) -> None:
    """The last batch, the end and the attempt's end come at once; the reader is at every possible place."""
    for cut in range(1, 8):
        async with listening(make_process(tmp_path / str(cut))) as it:
            telling = await begun(it)
            await telling.print("a", "b")
            reader = Reader()
            reading = asyncio.create_task(reader.read(it.client, most=cut))
            for _ in range(5):
                await telling.print("c", "d")
                await asyncio.sleep(0)
            await telling.attempt_over()
            await reading
            while reader.ended is None:
                await reader.read(it.client)
            assert reader.numbers == list(range(12))


async def test_lines_that_the_stream_lost_are_said_and_come_with_the_blob(tmp_path: Path) -> None:
    async with listening(make_process(tmp_path)) as it:
        telling = await begun(it)
        await telling.print("one")
        await telling.print("two", "three", lose=True)
        await telling.print("four")
        following, resumed, late = Reader(), Reader(), Reader()
        await following.read(it.client, most=2)
        await resumed.read(it.client, most=1)
        await resumed.read(it.client, most=1)
        await telling.attempt_over()
        await it.up_to_date()
        await late.read(it.client)

        for reader in (following, resumed):
            assert reader.gaps == [(1, 2)]
            assert reader.numbers == [0, 3]
        assert late.gaps == []
        assert late.numbers == [0, 1, 2, 3]


async def test_a_lost_attempt_ends_its_log_with_what_there_is(tmp_path: Path) -> None:
    async with listening(make_process(tmp_path)) as it:
        telling = await begun(it)
        await telling.print("one")
        reader = Reader()
        reading = asyncio.create_task(reader.read(it.client))
        await asyncio.sleep(0.05)
        await telling.print("two")
        await telling.say(telling.attempt_subject, AttemptLost("h1 is silent"))
        await reading

        assert reader.numbers == [0, 1]
        assert reader.ended == {"lines": 2, "conclusion": None, "why": "lost: h1 is silent"}


async def test_a_blob_that_is_erased_leaves_the_stream(tmp_path: Path) -> None:
    blobs = MemoryBlobs()
    async with listening(make_process(tmp_path, blobs=blobs)) as it:
        telling = await begun(it)
        await telling.print("one", "two")
        await telling.attempt_over()
        await blobs.delete(await telling.stored_log())
        await it.up_to_date()
        reader = Reader()
        await reader.read(it.client)
        assert reader.numbers == [0, 1]


async def test_what_is_no_line_number_is_refused(tmp_path: Path) -> None:
    async with listening(make_process(tmp_path)) as it:
        await begun(it)
        for headers in ({"last-event-id": "x"}, {"last-event-id": "1e9"}, {"last-event-id": "9" * 40}):
            assert (await it.client.get(LOG, headers=headers)).status_code == 400
        assert (await it.client.get(f"{LOG}?after=%0d%0a")).status_code == 400


async def test_a_run_says_when_it_changed_and_when_it_is_over(tmp_path: Path) -> None:
    async with listening(make_process(tmp_path)) as it:
        telling = Telling(it.process.bus, blobs=it.process.blobs)
        await telling.planned()
        await it.up_to_date()
        seen: list[tuple[str, str]] = []
        async with asyncio.timeout(SECONDS), aclosing(events(it.client, "/runs/7/live")) as stream:
            async for event in stream:
                seen.append((event.name, event.json["state"]))  # type: ignore[index]
                if len(seen) == 1:
                    await telling.assigned()
                elif len(seen) == 2:
                    await telling.finished()
        assert seen == [("state", "planned"), ("state", "running"), ("state", "finished"), ("end", "finished")]

        last = str(it.console.reader.position)
        async with asyncio.timeout(SECONDS), aclosing(events(it.client, "/runs/7/live", last)) as stream:
            assert [event.name async for event in stream] == ["end"], "it knows the rest"


async def test_too_many_streams_are_refused_and_a_closed_one_leaves_its_seat(tmp_path: Path) -> None:
    async with listening(make_process(tmp_path)) as it:
        telling = await begun(it)
        await telling.print("one")
        seats = it.console.seats
        everybody, seats.free = seats.free, 1
        async with aclosing(events(it.client, LOG)) as stream:
            await anext(stream)
            refused = await it.client.get(LOG)
            assert refused.status_code == 503
            assert refused.headers["retry-after"] == str(live.BUSY_SECONDS)
        async with asyncio.timeout(SECONDS):
            while seats.free != 1:
                await asyncio.sleep(0.01)
        await Reader().read(it.client, most=1)
        seats.free = everybody
        async with asyncio.timeout(SECONDS):
            while it.console.hub.waiting:
                await asyncio.sleep(0.01)


class CountingBus(MemoryBus):
    """Knows how many log batches it has handed out."""

    handed_out = 0

    async def tail(
        self, stream: str, filters: tuple[str, ...], after: int, *, follow: bool = True
    ) -> AsyncGenerator[Stored | CaughtUp]:
        async with aclosing(super().tail(stream, filters, after, follow=follow)) as messages:
            async for message in messages:
                self.handed_out += stream == subjects.LOGS
                yield message


async def test_a_browser_that_reads_nothing_is_handed_nothing_more(tmp_path: Path) -> None:
    bus = CountingBus()
    async with listening(make_process(tmp_path, bus)) as it:
        telling = await begun(it)
        batches = 600
        for _ in range(batches):
            await telling.print(*["x" * 1000] * 50)
        browser = socket.socket()
        browser.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        browser.setblocking(False)
        await asyncio.get_running_loop().sock_connect(browser, ("127.0.0.1", it.client.base_url.port))
        await asyncio.get_running_loop().sock_sendall(browser, f"GET {LOG} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
        async with asyncio.timeout(SECONDS):
            while bus.handed_out == 0:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.5)

        assert bus.handed_out < batches / 2, "what the kernel's buffers took, not the 30 MB that there are"
        browser.close()


async def test_the_process_ends_quickly_although_browsers_follow(tmp_path: Path) -> None:
    bus = MemoryBus()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = make_process(tmp_path, bus, port=port)
    telling = Telling(bus)
    await telling.planned()
    await telling.assigned()
    await telling.started()
    await telling.print("one")
    task = asyncio.create_task(serve(process))
    reader = Reader()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
        async with asyncio.timeout(SECONDS):
            while True:
                try:
                    if (await client.get("/runs/7")).status_code == 200:
                        break
                except httpx.TransportError:
                    await asyncio.sleep(0.02)
        reading = asyncio.create_task(reader.read(client))
        async with asyncio.timeout(SECONDS):
            while not reader.lines:
                await asyncio.sleep(0.01)
        began = asyncio.get_running_loop().time()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert asyncio.get_running_loop().time() - began < 2
        await asyncio.gather(reading, return_exceptions=True)
    assert reader.ended is None, "the attempt is not over: the browser comes back"
