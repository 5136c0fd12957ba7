from __future__ import annotations

import asyncio

import pytest

from libs.bus.port import Bus, Conflict, Stored, TooLarge
from libs.bus.streams import MAX_MESSAGE_BYTES
from libs.contracts.envelope import decode_commit
from libs.telemetry import trace
from tests.contract.bus.story import commit

RUN = "ev.run.octo.hello.7"


async def test_places_grow_from_one_across_the_stream(bus: Bus) -> None:
    assert await bus.append(commit(RUN, "a"), expected=0) == 1
    assert await bus.append(commit("ev.host.h1", "b"), expected=0) == 2
    assert await bus.append(commit(RUN, "c"), expected=1) == 3


async def test_a_stored_message_is_the_commit_with_the_servers_time_and_the_trace(bus: Bus) -> None:
    with trace.continued({}) as current:
        await bus.append(commit(RUN, "a", "hello"), expected=0)
    stored = await bus.last(RUN)
    assert stored is not None
    assert decode_commit(stored.data) == commit(RUN, "a", "hello")
    assert (stored.subject, stored.seq) == (RUN, 1)
    assert stored.time.utcoffset() is not None
    assert stored.headers["traceparent"] == current


@pytest.mark.parametrize("expected", [0, 5])
async def test_an_append_against_a_subject_that_moved_on_conflicts_and_says_where_it_is(
    bus: Bus, expected: int
) -> None:
    await bus.append(commit(RUN, "a"), expected=0)
    with pytest.raises(Conflict) as caught:
        await bus.append(commit(RUN, "b"), expected=expected)
    assert (caught.value.subject, caught.value.expected, caught.value.last) == (RUN, expected, 1)
    assert len(await bus.load(RUN)) == 1


async def test_an_append_that_expects_a_message_where_there_is_none_conflicts(bus: Bus) -> None:
    with pytest.raises(Conflict) as caught:
        await bus.append(commit(RUN, "a"), expected=3)
    assert caught.value.last == 0


async def test_the_same_append_again_answers_with_its_place_and_stores_nothing(bus: Bus) -> None:
    await bus.append(commit("ev.host.h1", "x"), expected=0)
    place = await bus.append(commit(RUN, "a"), expected=0)
    assert await bus.append(commit(RUN, "a"), expected=0) == place
    assert await bus.append(commit(RUN, "a"), expected=place) == place
    assert await bus.append(commit(RUN, "a"), expected=None) == place
    assert len(await bus.load(RUN)) == 1


async def test_an_older_commit_of_the_same_id_is_no_excuse(bus: Bus) -> None:
    first = await bus.append(commit(RUN, "a"), expected=0)
    second = await bus.append(commit(RUN, "b"), expected=first)
    with pytest.raises(Conflict):
        await bus.append(commit(RUN, "a"), expected=0)
    third = await bus.append(commit(RUN, "a"), expected=second)
    assert third > second
    assert await bus.append(commit(RUN, "a"), expected=second) == third


async def test_the_same_id_on_another_subject_is_another_commit(bus: Bus) -> None:
    await bus.append(commit(RUN, "a"), expected=0)
    assert await bus.append(commit("ev.run.octo.hello.8", "a"), expected=0) == 2
    assert len(await bus.load("ev.run.>")) == 2


async def test_an_unconditional_append_is_stored_behind_whatever_is_there(bus: Bus) -> None:
    await bus.append(commit(RUN, "a"), expected=0)
    assert await bus.append(commit(RUN, "b"), expected=None) == 2
    assert await bus.append(commit(RUN, "b"), expected=None) == 2
    assert [stored.seq for stored in await bus.load(RUN)] == [1, 2]


async def test_of_twenty_who_expect_a_new_subject_one_wins(bus: Bus) -> None:
    async def try_to(name: str) -> int | Conflict:
        try:
            return await bus.append(commit(RUN, name), expected=0)
        except Conflict as conflict:
            return conflict

    results = await asyncio.gather(*(try_to(f"c{number}") for number in range(20)))
    places = [result for result in results if isinstance(result, int)]
    assert places == [1]
    assert {result.last for result in results if isinstance(result, Conflict)} == {1}


async def test_twenty_unconditional_appends_on_one_subject_are_all_stored(bus: Bus) -> None:
    places = await asyncio.gather(*(bus.append(commit(RUN, f"c{number}"), expected=None) for number in range(20)))
    assert sorted(places) == list(range(1, 21))


async def test_what_is_too_large_is_refused_with_its_size(bus: Bus) -> None:
    with pytest.raises(TooLarge, match=str(MAX_MESSAGE_BYTES)):
        await bus.append(commit(RUN, "a", "x" * MAX_MESSAGE_BYTES), expected=0)
    assert await bus.last(RUN) is None
    await bus.round_trip()


async def test_what_just_fits_is_stored(bus: Bus) -> None:
    text = "x" * (MAX_MESSAGE_BYTES - 400)
    await bus.append(commit(RUN, "a", text), expected=0)
    stored = await bus.last(RUN)
    assert isinstance(stored, Stored)
    assert text.encode() in stored.data
