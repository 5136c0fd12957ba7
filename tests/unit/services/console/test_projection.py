"""The projection: every message once, whatever is killed, repeated, damaged or not understood."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest

from libs.blobs.memory import MemoryBlobs
from libs.bus.memory import MemoryBus
from libs.bus.port import CaughtUp, Extent, Stored
from libs.contracts import subjects
from libs.contracts.envelope import encode
from libs.contracts.ids import CommandId, RunId
from libs.contracts.intake import DeliveryIgnored, IntakeFailed, Problem, RunsPlanned, WorkflowRejected
from libs.contracts.run import RunRerun
from libs.telemetry.metrics import Metrics
from services.console.changes import Hub
from services.console.metrics import counts
from services.console.projection import fold, runs_in
from services.console.queries import Queries, RunFilter
from services.console.reading import Reader
from services.console.store import Moved, Store
from tests.unit.services.console.telling import BUILD, CAUSE, NOON, Telling, plan

EXTENT = Extent(1, 10_000, NOON)


async def stored(bus: MemoryBus) -> list[Stored]:
    tail = bus.tail(subjects.EVENTS, ("ev.>",), 0, follow=False)
    return [message async for message in tail if not isinstance(message, CaughtUp)]


class Projected:
    """A store with its queries, written as the reader writes it."""

    def __init__(self, path: Path) -> None:
        self.path, self.store, self.queries = path, Store(path), Queries(path)

    def open(self, extent: Extent = EXTENT) -> int:
        return self.store.open(extent)

    def take(self, messages: list[Stored], after: int) -> int:
        changes = fold(messages, self.store.rows(runs_in(messages)))
        self.store.write(changes, after, messages[-1].seq)
        return messages[-1].seq

    def everything(self) -> dict[str, list[tuple[object, ...]]]:
        with sqlite3.connect(self.path) as db:
            return {name: db.execute(f"SELECT * FROM {name} ORDER BY 1").fetchall() for name in ("event", "run")}


@pytest.fixture
def projected(tmp_path: Path) -> Projected:
    return Projected(tmp_path / "home" / "console.sqlite")


@asynccontextmanager
async def reading(path: Path, bus: MemoryBus, blobs: MemoryBlobs | None = None) -> AsyncGenerator[Reader]:
    reader = Reader(bus, blobs or MemoryBlobs(), Store(path), Hub(), counts(Metrics()))
    await reader.open()
    task = asyncio.create_task(reader.run())
    try:
        yield reader
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        reader.store.close()


async def up_to_date(reader: Reader) -> None:
    last = (await reader.bus.extent(subjects.EVENTS)).last
    async with asyncio.timeout(5):
        while reader.position < last or not reader.live.is_set():
            await asyncio.sleep(0.005)


async def test_a_row_says_what_a_list_shows(projected: Projected) -> None:
    await Telling(bus := MemoryBus(), blobs=MemoryBlobs()).whole()
    projected.open()
    projected.take(await stored(bus), 0)

    row = projected.queries.run(RunId(7))

    assert row is not None
    assert (row.repository, row.workflow, row.number, row.title) == ("Octo/Demo.js", "CI", 3, "Fix the build")
    assert (row.event, row.branch, row.sha, row.actor) == ("push", "main", "a" * 40, "octocat")
    assert (row.state, row.conclusion, row.steps_run, row.why) == ("finished", "failure", 2, "step 2 failed")
    assert row.planned == NOON + timedelta(seconds=1)
    assert row.finished is not None
    assert len(projected.queries.commits(RunId(7))) == 6


async def test_one_message_at_a_time_gives_what_one_batch_gives(tmp_path: Path) -> None:
    bus = MemoryBus()
    for run_id in (7, 8, 9):
        await Telling(bus, plan(run_id), MemoryBlobs()).whole()
    messages = await stored(bus)
    whole, single = Projected(tmp_path / "whole"), Projected(tmp_path / "single")
    whole.open()
    single.open()

    whole.take(messages, 0)
    after = 0
    for message in messages:
        after = single.take([message], after)

    assert single.everything() == whole.everything()


async def test_a_crash_before_the_commit_leaves_nothing_and_the_place_says_so(projected: Projected) -> None:
    await Telling(bus := MemoryBus(), blobs=MemoryBlobs()).whole()
    messages = await stored(bus)
    projected.open()
    projected.take(messages[:2], 0)
    before = projected.everything()

    changes = fold(messages[2:], projected.store.rows(runs_in(messages)))
    changes.events.append(changes.events[0])
    changes.rows()[0].state = None  # type: ignore[assignment] # no column takes it, so the transaction fails late
    with pytest.raises(sqlite3.Error):
        projected.store.write(changes, 2, messages[-1].seq)
    projected.store.close()

    again = Projected(projected.path)
    assert again.open() == messages[1].seq
    assert again.everything() == before
    again.take(messages[2:], messages[1].seq)
    fresh = Projected(projected.path.with_name("fresh"))
    fresh.open()
    fresh.take(messages, 0)
    assert again.everything() == fresh.everything()


async def test_a_batch_that_follows_another_place_is_refused(projected: Projected) -> None:
    await Telling(bus := MemoryBus(), blobs=MemoryBlobs()).whole()
    messages = await stored(bus)
    projected.open()
    projected.take(messages[:2], 0)

    with pytest.raises(Moved) as moved:
        projected.take(messages[:2], 0)

    assert moved.value.seq == messages[1].seq


async def test_another_stream_or_another_version_is_folded_anew(projected: Projected) -> None:
    await Telling(bus := MemoryBus(), blobs=MemoryBlobs()).whole()
    messages = await stored(bus)
    projected.open()
    last = projected.take(messages, 0)
    projected.store.close()
    assert projected.open() == last
    projected.store.close()

    assert projected.open(Extent(1, 10_000, NOON + timedelta(days=1))) == 0
    assert projected.queries.run(RunId(7)) is None
    projected.take(messages, 0)
    projected.store.close()
    assert projected.open(Extent(1, 3, NOON + timedelta(days=1))) == 0, "the stream is shorter than the file: restored"
    projected.take(messages[:1], 0)
    projected.store.close()
    with sqlite3.connect(projected.path) as db:
        db.execute("PRAGMA user_version = 99")
    assert projected.open(Extent(1, 10_000, NOON + timedelta(days=1))) == 0


def test_a_damaged_file_is_made_anew(projected: Projected) -> None:
    projected.path.parent.mkdir()
    projected.path.write_bytes(b"no database at all" * 1000)

    assert projected.open() == 0
    assert projected.queries.runs(RunFilter()) == []


async def test_unknown_events_and_foreign_bytes_are_counted_and_stop_nothing(projected: Projected) -> None:
    bus = MemoryBus()
    telling = Telling(bus, blobs=MemoryBlobs())
    await telling.planned()
    good = await stored(bus)
    first = good[0]
    event = b'{"type":"TellTheFuture","what":1}'
    unknown = first.data.replace(b'"events":[', b'"events":[' + event + b",")
    bad = [
        Stored(2, first.subject, unknown, NOON, {}),
        Stored(3, first.subject, b"\xff\x00 no JSON", NOON, {}),
        Stored(4, "ev.run.octo.demo.notanumber", first.data, NOON, {}),
        Stored(5, "ev.run.octo.demo.99999999999999999999999", first.data, NOON, {}),
        Stored(6, "ev.attempt.h1.octo.demo.424242.build.1", first.data, NOON, {}),
        Stored(7, "ev.intake.x", b'{"id":"x"}', NOON, {}),
        Stored(8, "ev.intake.y", unknown, NOON, {}),
    ]
    projected.open()

    projected.take([*good, *bad], 0)

    assert projected.queries.progress().seq == 8
    assert projected.queries.progress().skipped >= len(bad)
    assert [row.run_id for row in projected.queries.runs(RunFilter())] == [7]


async def test_a_number_that_no_column_holds_stops_nothing(projected: Projected) -> None:
    bus = MemoryBus()
    await Telling(bus, plan(pull_request=10**30)).planned()
    projected.open()

    projected.take(await stored(bus), 0)

    assert len(projected.queries.runs(RunFilter())) == 1


async def test_filters_and_pages(projected: Projected) -> None:
    bus = MemoryBus()
    for run_id in range(1, 8):
        telling = Telling(bus, plan(run_id, event="push" if run_id % 2 else "pull_request"), MemoryBlobs())
        await telling.planned()
        if run_id > 5:
            await telling.finished("success" if run_id == 6 else "failure")
    projected.open()
    projected.take(await stored(bus), 0)

    def ids(**fields: object) -> list[int]:
        return [row.run_id for row in projected.queries.runs(RunFilter(**fields))]  # type: ignore[arg-type]

    assert ids() == [7, 6, 5, 4, 3, 2, 1]
    assert ids(repository="octo/demo.JS", event="pull_request") == [6, 4, 2]
    assert ids(state="failure") == [7]
    assert ids(state="planned") == [5, 4, 3, 2, 1]
    assert ids(repository="octo/demo") == []
    newest = projected.queries.runs(RunFilter(limit=3))
    assert [row.run_id for row in newest] == [7, 6, 5, 4], "one more than asked for says that there are more"
    assert ids(before=newest[2].first_seq) == [4, 3, 2, 1]
    assert projected.queries.choices()["event"] == ["pull_request", "push"]


async def test_deliveries_that_led_to_nothing_say_why(projected: Projected) -> None:
    bus = MemoryBus()
    telling = Telling(bus)
    problem = Problem(".github/workflows/ci.yml", 3, 7, "unknown key `stepps`")
    await telling.say("ev.intake.a", WorkflowRejected("Octo/Demo.js", "b" * 40, problem.file, (problem,)),
                      RunsPlanned("Octo/Demo.js", "b" * 40, "push", {}, rejected=(problem.file,)))  # fmt: skip
    await telling.say("ev.intake.b", DeliveryIgnored("ping", "a ping needs no run"))
    await telling.say("ev.intake.c", IntakeFailed("push", "cannot fetch", "Octo/Demo.js"))
    await telling.say("ev.intake.d", RunsPlanned("Octo/Demo.js", "b" * 40, "push", {"ci.yml": RunId(7)}))
    projected.open()
    projected.take(await stored(bus), 0)

    rows = projected.queries.intakes(None, "", None)

    assert [row.kind for row in rows] == ["failed", "ignored", "rejected", "unmatched"]
    assert rows[2].problems == (problem,)
    assert [row.kind for row in projected.queries.intakes("ignored", "", None)] == ["ignored"]
    assert [row.kind for row in projected.queries.intakes(None, "octo/demo.js", None, 1)] == ["failed", "rejected"]
    behind = projected.queries.intakes(None, "", (rows[2].seq, rows[2].place))
    assert [row.kind for row in behind] == ["unmatched"], "a page may end within a delivery"
    assert [row.kind for row in projected.queries.intakes_of(CAUSE)] == ["rejected", "unmatched", "ignored", "failed"]


async def test_what_the_log_forgot_is_forgotten(projected: Projected) -> None:
    bus = MemoryBus()
    for run_id in (7, 8):
        await Telling(bus, plan(run_id), MemoryBlobs()).whole()
    projected.open()
    projected.take(await stored(bus), 0)
    old = projected.queries.run(RunId(7))
    assert old is not None

    assert projected.store.prune(old.last_seq) == 0
    assert projected.store.prune(old.last_seq + 1) == 1

    assert [row.run_id for row in projected.queries.runs(RunFilter())] == [8]
    assert projected.queries.commits(RunId(7)) == []


async def test_the_reader_goes_on_where_the_file_says(tmp_path: Path) -> None:
    bus, path = MemoryBus(), tmp_path / "console.sqlite"
    first, second = Telling(bus, plan(7), MemoryBlobs()), Telling(bus, plan(8), MemoryBlobs())
    await first.whole()
    async with reading(path, bus) as reader:
        await up_to_date(reader)
        await second.planned()
        await up_to_date(reader)
    await second.assigned()
    await second.started()
    async with reading(path, bus) as reader:
        assert reader.position == (await bus.extent(subjects.EVENTS)).last - 2
        await up_to_date(reader)

    fresh = tmp_path / "fresh.sqlite"
    async with reading(fresh, bus) as reader:
        await up_to_date(reader)
    assert Projected(path).everything() == Projected(fresh).everything()


async def test_killed_after_every_message_it_still_counts_each_once(tmp_path: Path) -> None:
    bus, path = MemoryBus(), tmp_path / "console.sqlite"
    telling = Telling(bus, plan(7), MemoryBlobs())
    for tell in (telling.planned, telling.assigned, telling.started, telling.second_step, telling.finished):
        await tell()
        async with reading(path, bus) as reader:
            while reader.position == 0:
                await asyncio.sleep(0)  # killed as soon as anything was written

    async with reading(path, bus) as reader:
        await up_to_date(reader)
    fresh = tmp_path / "fresh.sqlite"
    async with reading(fresh, bus) as reader:
        await up_to_date(reader)
    assert Projected(path).everything() == Projected(fresh).everything()


async def test_two_consoles_on_one_file_count_each_message_once(tmp_path: Path) -> None:
    bus, path = MemoryBus(), tmp_path / "console.sqlite"
    async with reading(path, bus) as one, reading(path, bus) as other:
        for run_id in range(1, 6):
            await Telling(bus, plan(run_id), MemoryBlobs()).whole()
        await up_to_date(one)
        await up_to_date(other)

    fresh = tmp_path / "fresh.sqlite"
    async with reading(fresh, bus) as reader:
        await up_to_date(reader)
    assert Projected(path).everything() == Projected(fresh).everything()


async def test_a_large_plan_comes_from_its_blob_and_a_missing_one_stops_nothing(tmp_path: Path) -> None:
    bus, blobs, path = MemoryBus(), MemoryBlobs(), tmp_path / "console.sqlite"
    there, gone = Telling(bus, plan(7)), Telling(bus, plan(8, workflow_name="Gone"))
    await there.planned(blob=await blobs.put(encode(there.plan)))
    missing = await blobs.put(encode(gone.plan))
    await blobs.delete(missing)
    await gone.planned(blob=missing)

    async with reading(path, bus, blobs) as reader:
        await up_to_date(reader)
        rows = {row.run_id: row for row in Queries(path).runs(RunFilter())}
        assert (rows[RunId(7)].workflow, rows[RunId(8)].workflow) == ("CI", "")
        await blobs.put(encode(gone.plan))
        await gone.assigned()
        await up_to_date(reader)

    row = Queries(path).run(RunId(8))
    assert row is not None
    assert row.workflow == "Gone"


async def test_a_rerun_is_running_again(projected: Projected) -> None:
    bus = MemoryBus()
    telling = Telling(bus, blobs=MemoryBlobs())
    await telling.whole()
    await telling.say(telling.run_subject, RunRerun(CommandId("c1"), "octocat", 2, (BUILD,)))
    projected.open()
    projected.take(await stored(bus), 0)

    row = projected.queries.run(RunId(7))

    assert row is not None
    assert (row.state, row.run_attempt, row.conclusion, row.finished) == ("running", 2, None, None)
