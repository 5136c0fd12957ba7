"""What only a real server can break: connections cut in the middle, a server killed and started again, slow readers.

Each test asks the same two questions: was anything lost, and was anything stored, or seen by a reader, twice?
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncGenerator
from pathlib import Path

import nats
import pytest

from libs.bus.jetstream import JetStreamBus, connect
from libs.bus.jetstream import api as jetstream_api
from libs.bus.jetstream.connection import NotAllowed
from libs.bus.port import Bus, BusDown, CaughtUp, Consumer, Message, Stored
from libs.bus.server import NatsServer, NatsUser
from libs.bus.streams import prepare
from libs.contracts.envelope import decode_commit
from tests.contract.bus.story import Collected, Tailing, commit, consuming, until
from tests.contract.bus.wire import Wire

MANY = 50_000


@pytest.fixture
async def wire(nats_server: NatsServer) -> AsyncGenerator[Wire]:
    wire = Wire(nats_server.url)
    yield wire
    await wire.close()


@pytest.fixture
async def wired(wire: Wire) -> AsyncGenerator[JetStreamBus]:
    """A bus whose wire can be cut."""
    bus = await connect(await wire.open(), name="wired")
    await prepare(bus)
    yield bus
    await bus.close()


async def insist(bus: Bus, subject: str, id: str) -> int:
    """What the port asks of a caller: where it is unknown whether it was stored, append it again."""
    for _ in range(50):
        try:
            return await bus.append(commit(subject, id), expected=0)
        except BusDown:
            continue
    raise AssertionError("the bus never came back")


async def fill(bus: Bus, count: int) -> None:
    """Log batches as fast as the wire takes them; they are in their stream when this returns."""
    for number in range(count):
        await bus.publish("log.h1.7.build.1", b"%d" % number)
        if number % 1000 == 0:
            await bus.round_trip()
    await bus.round_trip()
    async with asyncio.timeout(30):
        while await bus.get("LOGS", count) is None:
            await asyncio.sleep(0.02)


async def test_a_slow_reader_of_fifty_thousand_messages_misses_none(jetstream_bus: JetStreamBus) -> None:
    await fill(jetstream_bus, MANY)
    numbers: list[bytes] = []
    async for item in jetstream_bus.tail("LOGS", ("log.>",), 0, follow=False):
        await asyncio.sleep(0)
        if isinstance(item, Stored):
            numbers.append(item.data)
    assert numbers == [b"%d" % number for number in range(MANY)]


async def test_a_load_of_fifty_thousand_messages_is_complete(jetstream_bus: JetStreamBus) -> None:
    await fill(jetstream_bus, MANY)
    loaded = await jetstream_bus.load("log.*.7.>")
    assert [stored.seq for stored in loaded] == list(range(1, MANY + 1))


async def test_a_message_that_is_lost_on_the_way_is_read_again(
    wire: Wire, wired: JetStreamBus, jetstream_bus: JetStreamBus
) -> None:
    async def append(first: int, count: int) -> None:
        for number in range(first, first + count):
            await jetstream_bus.append(commit(f"ev.intake.{number}", "c"), expected=0)

    await append(0, 50)
    wire.lose("ev.intake.30")
    tailing = Tailing(wired.tail("EVENTS", ("ev.>",), 0))
    await until(lambda: tailing.caught_up)
    assert (tailing.seqs, wire.lost) == (list(range(1, 51)), 1)
    wire.lose("ev.intake.")
    await append(50, 1)
    await until(lambda: len(tailing.seqs) == 51)
    assert wire.lost == 2
    await append(51, 5)
    await until(lambda: len(tailing.seqs) >= 56)
    assert tailing.seqs == list(range(1, 57))
    await tailing.stop()


async def test_an_answer_that_is_lost_on_the_way_is_asked_for_again(
    wire: Wire, wired: JetStreamBus, jetstream_bus: JetStreamBus
) -> None:
    for number in range(50):
        await jetstream_bus.append(commit(f"ev.intake.{number}", "c"), expected=0)
    wire.lose("_INBOX_")
    loaded = await wired.load("ev.>")
    assert ([stored.seq for stored in loaded], wire.lost) == (list(range(1, 51)), 1)


async def test_a_tail_over_a_wire_that_breaks_again_and_again(
    wire: Wire, wired: JetStreamBus, jetstream_bus: JetStreamBus
) -> None:
    await fill(jetstream_bus, 20_000)
    seqs: list[int] = []
    caught_up: list[CaughtUp] = []
    async for item in wired.tail("LOGS", ("log.>",), 0, follow=False):
        if isinstance(item, CaughtUp):
            caught_up.append(item)
            continue
        seqs.append(item.seq)
        if item.seq % 2500 == 0:
            wire.cut()
        if item.seq % 200 == 0:
            await asyncio.sleep(0)
    assert seqs == list(range(1, 20_001))
    assert caught_up == [CaughtUp(20_000)]
    assert wire.connections >= 4


async def test_a_tail_that_follows_while_the_wire_breaks(
    wire: Wire, wired: JetStreamBus, jetstream_bus: JetStreamBus
) -> None:
    tailing = Tailing(wired.tail("EVENTS", ("ev.>",), 0))
    await until(lambda: tailing.caught_up)
    for number in range(300):
        await jetstream_bus.append(commit(f"ev.intake.{number}", "c"), expected=0)
        if number % 50 == 25:
            connections = wire.connections
            wire.cut()
            await until(lambda: wire.connections > connections)  # noqa: B023  # asked at once
    await until(lambda: len(tailing.seqs) >= 300)
    assert wire.connections == 7
    assert tailing.seqs == list(range(1, 301))
    await tailing.stop()


async def test_a_load_over_a_wire_that_breaks(wire: Wire, wired: JetStreamBus, jetstream_bus: JetStreamBus) -> None:
    await fill(jetstream_bus, 20_000)

    async def disturb() -> None:
        while True:
            await asyncio.sleep(0.2)
            wire.cut()

    disturbing = asyncio.create_task(disturb())
    for _ in range(3):
        loaded = await wired.load("log.>")
        assert [stored.seq for stored in loaded] == list(range(1, 20_001))
    disturbing.cancel()
    assert wire.connections > 3


async def test_appends_over_a_wire_that_breaks_are_stored_once(wire: Wire, wired: JetStreamBus) -> None:
    async def disturb() -> None:
        while True:
            await asyncio.sleep(0.05)
            wire.cut()

    async def chain(name: str) -> list[int]:
        places = [0]
        while wire.connections < 6:
            places.append(await _append_behind(wired, f"ev.run.o.{name}.1", f"c{len(places)}", places[-1]))
        return places[1:]

    disturbing = asyncio.create_task(disturb())
    chains = await asyncio.gather(*(chain(f"r{number}") for number in range(5)))
    disturbing.cancel()
    for number, places in enumerate(chains):
        loaded = await wired.load(f"ev.run.o.r{number}.1")
        assert [stored.seq for stored in loaded] == places
        assert [decode_commit(stored.data).id for stored in loaded] == [f"c{step + 1}" for step in range(len(places))]


async def _append_behind(bus: Bus, subject: str, id: str, place: int) -> int:
    for _ in range(50):
        try:
            return await bus.append(commit(subject, id), expected=place)
        except BusDown:
            continue
    raise AssertionError("the bus never came back")


async def test_a_server_that_is_killed_and_started_loses_nothing_that_was_acknowledged(
    nats_server: NatsServer, jetstream_bus: JetStreamBus
) -> None:
    acknowledged: dict[str, int] = {}

    kills = 0

    async def writer(name: int) -> None:
        number = 0
        while kills < 3 or number < 60:
            subject = f"ev.intake.{name}-{number}"
            acknowledged[subject] = await insist(jetstream_bus, subject, "c")
            number += 1

    tailing = Tailing(jetstream_bus.tail("EVENTS", ("ev.>",), 0))
    handler = Collected()
    consumer = Consumer("EVENTS", "reader", ("ev.intake.*",), ack_wait_seconds=1.0, concurrency=4)
    async with consuming(jetstream_bus, consumer, handler):
        writing = asyncio.gather(*(writer(name) for name in range(10)))
        for _ in range(3):
            await asyncio.sleep(0.1)
            await nats_server.kill()
            await nats_server.start()
            kills += 1
        await writing
        await until(lambda: len(tailing.seqs) >= len(acknowledged))
        await until(lambda: len(set(handler.subjects)) >= len(acknowledged))
    await tailing.stop()
    stored = await jetstream_bus.load("ev.intake.*")
    assert {message.subject: message.seq for message in stored} == acknowledged
    assert len(stored) == len(acknowledged) >= 600
    assert tailing.seqs == [message.seq for message in stored]
    assert Counter(set(handler.subjects)) == Counter(acknowledged.keys())


async def test_what_a_cut_off_process_held_is_handled_by_the_other(
    wire: Wire, wired: JetStreamBus, jetstream_bus: JetStreamBus
) -> None:
    async def hang(message: Message) -> None:
        await asyncio.sleep(60)

    consumer = Consumer("EVENTS", "shared", ("ev.host.*",), ack_wait_seconds=1.0, concurrency=2)
    hanging, other = Collected(hang), Collected()
    async with consuming(wired, consumer, hanging):
        await asyncio.sleep(0.2)
        for number in range(2):
            await jetstream_bus.append(commit(f"ev.host.h{number}", "c"), expected=0)
        await until(lambda: len(hanging.seqs) == 2)
        wire.stall()
        async with consuming(jetstream_bus, consumer, other):
            await jetstream_bus.append(commit("ev.host.h9", "c"), expected=0)
            await until(lambda: set(other.seqs) >= {1, 2})
        wire.flow()
        wire.cut()


async def test_a_consumer_goes_on_after_its_wire_broke(
    wire: Wire, wired: JetStreamBus, jetstream_bus: JetStreamBus
) -> None:
    handler = Collected()
    consumer = Consumer("EVENTS", "steady", ("ev.host.*",), ack_wait_seconds=1.0)
    async with consuming(wired, consumer, handler):
        for number in range(200):
            await jetstream_bus.append(commit(f"ev.host.h{number}", "c"), expected=0)
            if number % 40 == 20:
                wire.cut()
        await until(lambda: len(set(handler.seqs)) == 200)
        await asyncio.sleep(1.3)
    assert set(handler.seqs) == set(range(1, 201))


async def test_what_was_stored_although_its_answer_was_lost_is_stored_once(
    wire: Wire, wired: JetStreamBus, jetstream_bus: JetStreamBus
) -> None:
    first = await wired.append(commit("ev.run.o.r.1", "before"), expected=0)
    wire.deafen()
    appending = asyncio.create_task(wired.append(commit("ev.run.o.r.1", "a"), expected=first))
    unconditional = asyncio.create_task(wired.append(commit("ev.intake.x", "a"), expected=None))
    putting = asyncio.create_task(wired.enqueue("job.h1", b"order", message_id="a"))
    creating = asyncio.create_task(wired.key_value("ACTIVE").create("lease", b"mine"))
    for number in range(10):
        await wired.stream_log("log.h1.7.build.1", b"%d" % number)
    async with asyncio.timeout(5):
        while await jetstream_bus.get("LOGS", 10) is None or not await jetstream_bus.load("job.h1"):
            await asyncio.sleep(0.01)
    stored = [message.seq for message in await jetstream_bus.load("ev.>")]
    assert len(stored) == 3
    wire.cut()
    assert {await appending, await unconditional} == set(stored[1:])
    await putting
    revision = await creating
    assert await wired.key_value("ACTIVE").get("lease") == (b"mine", revision)
    await wired.flush_logs()
    assert [message.seq for message in await jetstream_bus.load("ev.>")] == stored
    assert len(await jetstream_bus.load("job.h1")) == 1
    assert [message.data for message in await jetstream_bus.load("log.>")] == [b"%d" % number for number in range(10)]


async def test_log_batches_over_a_wire_that_breaks_are_stored_once_each(wire: Wire, wired: JetStreamBus) -> None:
    for number in range(2000):
        await wired.stream_log("log.h1.7.build.1", b"%d" % number)
        if number % 500 == 250:
            wire.cut()
    await wired.flush_logs()
    stored = [int(message.data) for message in await wired.load("log.h1.7.build.1")]
    assert sorted(stored) == list(range(2000))


async def test_a_tail_whose_consumer_vanishes_goes_on_where_it_was(jetstream_bus: JetStreamBus) -> None:
    tailing = Tailing(jetstream_bus.tail("EVENTS", ("ev.>",), 0))
    for number in range(20):
        await jetstream_bus.append(commit(f"ev.intake.{number}", "c"), expected=0)
        if number == 10:
            await until(lambda: len(tailing.seqs) == 11)
            assert await _delete_consumers(jetstream_bus) == 1
    await until(lambda: len(tailing.seqs) >= 20)
    assert tailing.seqs == list(range(1, 21))
    await tailing.stop()


async def _consumers(bus: JetStreamBus) -> list[str]:
    """Those of EVENTS, by an administrator's hand."""
    answer = await bus._connection.request("$JS.API.CONSUMER.NAMES.EVENTS", b"")  # pyright: ignore[reportPrivateUsage]
    return json.loads(answer.data)["consumers"]


async def _delete_consumers(bus: JetStreamBus) -> int:
    names = await _consumers(bus)
    for name in names:
        connection = bus._connection  # pyright: ignore[reportPrivateUsage]
        await jetstream_api.call(connection, f"CONSUMER.DELETE.EVENTS.{name}", {}, jetstream_api.Answer)
    return len(names)


async def test_a_closed_tail_leaves_no_consumer_behind(jetstream_bus: JetStreamBus) -> None:
    await jetstream_bus.append(commit("ev.host.a", "c"), expected=0)
    tail = jetstream_bus.tail("EVENTS", ("ev.>",), 0)
    await anext(tail)
    assert len(await _consumers(jetstream_bus)) == 1
    await tail.aclose()
    async with asyncio.timeout(5):
        while await _consumers(jetstream_bus):
            await asyncio.sleep(0.01)


async def test_without_a_server_every_call_ends_within_its_deadline(
    nats_server: NatsServer, jetstream_bus: JetStreamBus
) -> None:
    await nats_server.kill()

    async def ends(call: AsyncGenerator[object] | asyncio.Future[object]) -> None:
        with pytest.raises(BusDown):
            await (anext(call) if isinstance(call, AsyncGenerator) else call)

    async with asyncio.timeout(9):
        await asyncio.gather(
            ends(asyncio.ensure_future(jetstream_bus.append(commit("ev.host.a", "c"), expected=0))),
            ends(asyncio.ensure_future(jetstream_bus.load("ev.>"))),
            ends(asyncio.ensure_future(jetstream_bus.last("ev.host.a"))),
            ends(asyncio.ensure_future(jetstream_bus.enqueue("job.h1", b"x", message_id="a"))),
            ends(asyncio.ensure_future(jetstream_bus.key_value("ACTIVE").create("a", b"x"))),
            ends(asyncio.ensure_future(jetstream_bus.round_trip())),
            jetstream_bus.publish("hb.h1", b"lost"),
        )


async def test_a_round_trip_that_nobody_waits_for_any_more_costs_the_others_nothing(
    jetstream_bus: JetStreamBus,
) -> None:
    for turns in range(10):
        asking = asyncio.create_task(jetstream_bus.round_trip())
        for _ in range(turns):
            await asyncio.sleep(0)
        asking.cancel()
        await asyncio.wait([asking])
        async with asyncio.timeout(1):
            await jetstream_bus.round_trip()


async def test_whoever_asks_again_and_again_ends_when_he_is_cancelled(jetstream_bus: JetStreamBus) -> None:
    """Also where the answer comes at that very moment, which Python 3.11 takes for the end of the cancellation."""

    async def ask() -> None:
        while True:
            await jetstream_bus.round_trip()

    for turn in range(2000):
        asking = asyncio.create_task(ask())
        for _ in range(turn % 100):
            await asyncio.sleep(0)
        asking.cancel()
        _, going_on = await asyncio.wait([asking], timeout=2)
        assert not going_on, f"it asks on, {turn % 100} turns of the loop after it began"


async def test_after_the_end_every_waiting_call_says_so(jetstream_bus: JetStreamBus) -> None:
    tailing = asyncio.ensure_future(_drain(jetstream_bus.tail("EVENTS", ("ev.>",), 0)))
    hearing = asyncio.ensure_future(_drain(jetstream_bus.subscribe("hb.*")))
    consuming_ = asyncio.ensure_future(jetstream_bus.consume(Consumer("EVENTS", "a", ("ev.>",)), Collected()))
    await asyncio.sleep(0.2)
    await jetstream_bus.close()
    for waiting in (tailing, hearing, consuming_):
        with pytest.raises(BusDown, match="closed"):
            async with asyncio.timeout(5):
                await waiting
    with pytest.raises(BusDown):
        await jetstream_bus.append(commit("ev.host.a", "c"), expected=0)


async def _drain(source: AsyncGenerator[object]) -> None:
    async for _ in source:
        pass


async def test_nobody_at_the_address_is_said_within_the_wait() -> None:
    with pytest.raises(BusDown, match=r"no NATS at nats://127\.0\.0\.1:1 within"):
        await connect("nats://user:secret@127.0.0.1:1", wait_seconds=0.3)


async def test_the_servers_own_dead_letters_are_kept(nats_server: NatsServer, jetstream_bus: JetStreamBus) -> None:
    """A foreign consumer of the stream gives up: the server's advisory is all there is, and it is stored."""
    await jetstream_bus.append(commit("ev.host.a", "c"), expected=0)
    client = await nats.connect(nats_server.url)
    context = client.jetstream()
    subscription = await context.pull_subscribe("ev.host.*", "foreign", stream="EVENTS")
    (message,) = await subscription.fetch(1)
    await message.term()
    async with asyncio.timeout(5):
        while not (letters := await _dead(jetstream_bus)):
            await asyncio.sleep(0.02)
    assert letters[0].subject == "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.EVENTS.foreign"
    assert json.loads(letters[0].data)["stream_seq"] == 1
    await client.close()


async def _dead(bus: Bus) -> list[Stored]:
    return [item async for item in bus.tail("DEAD", (), 0, follow=False) if isinstance(item, Stored)]


async def test_preparing_twice_and_with_other_settings_changes_the_streams_and_keeps_what_is_in_them(
    jetstream_bus: JetStreamBus,
) -> None:
    await jetstream_bus.append(commit("ev.host.a", "c"), expected=0)
    await prepare(jetstream_bus)
    await prepare(jetstream_bus, event_days=7)
    assert len(await jetstream_bus.load("ev.>")) == 1


@pytest.fixture
async def guarded(tmp_path: Path) -> AsyncGenerator[NatsServer]:
    server = NatsServer(tmp_path / "guarded", users=(OPERATOR, REPORTER))
    await server.start()
    yield server
    await server.kill()


OPERATOR = NatsUser("operator", "pass:word/@")
REPORTER = NatsUser(
    "reporter",
    "secret",
    publish=("ev.report.>", "$JS.API.DIRECT.GET.EVENTS", "$JS.API.STREAM.INFO.EVENTS"),
    subscribe=("_INBOX_reporter.>",),
)


async def test_a_server_with_users_takes_nobody_else(guarded: NatsServer) -> None:
    bus = await connect(guarded.url, name="operator")
    await prepare(bus)
    await bus.close()
    for url in (guarded.url.replace("word", "wort"), guarded.url.replace("operator:", "nobody:")):
        with pytest.raises(NotAllowed, match="the bus refuses operator") as caught:
            await connect(url, name="operator", wait_seconds=30)
        assert "word" not in str(caught.value).replace("password", "")


async def test_what_a_user_may_not_do_is_said_at_once_and_ends_its_connection(guarded: NatsServer) -> None:
    operator = await connect(guarded.url, name="operator")
    await prepare(operator)
    reporter = await connect(guarded.url_of(REPORTER), name="reporter")
    await reporter.append(commit("ev.report.o.r.1", "c"), expected=0)
    assert len(await reporter.load("ev.report.>")) == 1
    with pytest.raises(NotAllowed, match=r"ev\.run\.o\.r\.1.* give the user reporter this permission"):
        async with asyncio.timeout(2):
            await reporter.append(commit("ev.run.o.r.1", "c"), expected=0)
    with pytest.raises(NotAllowed):
        await reporter.round_trip()
    assert await operator.last("ev.run.o.r.1") is None
    await reporter.close()
    await operator.close()
