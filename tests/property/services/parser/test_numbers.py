"""Run numbers: 1, 2, 3 without a gap; the same run is numbered once, whoever asks in whatever order."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from libs.bus.memory import MemoryBus
from libs.contracts.ids import Cause, RunId
from services.parser.numbers import Numbering, Numbers, decide, evolve
from services.parser.sealing import Origin

PATH = ".github/workflows/a.yml"
SUBJECT = "ev.workflow.1.0123456789abcdef"
runs = st.lists(st.integers(1, 20).map(RunId), max_size=40)


@given(runs)
def test_numbers_are_counted_without_a_gap(asked: list[RunId]) -> None:
    state = Numbering()
    for run_id in asked:
        for event in decide(state, run_id, PATH):
            state = evolve(state, event)
    first_asked = list(dict.fromkeys(asked))
    assert state.numbers == {run_id: number for number, run_id in enumerate(first_asked, start=1)}


@given(runs)
def test_deciding_twice_says_nothing_new(asked: list[RunId]) -> None:
    state = Numbering()
    for run_id in asked:
        for event in decide(state, run_id, PATH):
            state = evolve(state, event)
        assert decide(state, run_id, PATH) == []


@given(runs, st.integers(1, 4))
def test_many_processes_at_once_agree(asked: list[RunId], processes: int) -> None:
    async def number_all() -> tuple[list[int], list[int]]:
        bus = MemoryBus()
        workers = [Numbers(bus) for _ in range(processes)]

        def ask(worker: Numbers, run_id: RunId) -> Coroutine[None, None, int]:
            return worker.number(
                SUBJECT, run_id, PATH, Origin(Cause(str(run_id)), "", datetime.now(UTC), datetime.now(UTC))
            )

        at_once = await asyncio.gather(*(ask(workers[place % processes], run) for place, run in enumerate(asked)))
        afterwards = [await ask(Numbers(bus), run) for run in asked]
        return list(at_once), afterwards

    at_once, afterwards = asyncio.run(number_all())
    assert at_once == afterwards
    assert sorted(set(at_once)) == list(range(1, len(set(asked)) + 1))


def test_a_process_that_fell_behind_does_not_take_anothers_number_for_its_own() -> None:
    """Its next number is given away, and the run that it asks about has a later one from another process."""

    async def numbered() -> tuple[int, int, int]:
        bus = MemoryBus()
        behind, ahead = Numbers(bus), Numbers(bus)
        run_ids = RunId(1), RunId(2), RunId(3)
        first, second, third = (
            Origin(Cause(str(run_id)), "", datetime.now(UTC), datetime.now(UTC)) for run_id in run_ids
        )
        await behind.number(SUBJECT, run_ids[0], PATH, first)
        await ahead.number(SUBJECT, run_ids[1], PATH, second)
        await ahead.number(SUBJECT, run_ids[2], PATH, third)
        late = await behind.number(SUBJECT, run_ids[2], PATH, third)
        return late, await ahead.number(SUBJECT, run_ids[2], PATH, third), len(await bus.load(SUBJECT))

    assert asyncio.run(numbered()) == (3, 3, 3)
