"""The same thing many times over, at several doors and parsers at once: it happens once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import uuid4

from libs.bus.port import Bus
from libs.contracts.intake import RunsPlanned
from tests.e2e.intake.system import EveryCommit, running, settings_for
from tests.unit.services.parser.world import push, workflow

COPIES = 20
DELIVERIES = 12


async def test_twenty_sendings_of_one_delivery_at_two_doors_are_one_run(bus: Bus, tmp_path: Path) -> None:
    guid = str(uuid4())
    repositories = EveryCommit({"a.yml": workflow().encode()})
    async with running(bus, settings_for(tmp_path), repositories, doors=2, parsers=2) as system:
        sendings = (system.send("push", push(), guid, door=number) for number in range(COPIES))
        answers = [answer.status_code for _, answer in await asyncio.gather(*sendings)]
        assert sorted(answers) == [200] * (COPIES - 1) + [202]
        events = (await system.ended({guid}))[guid]
        await settled(bus)
        assert [type(event) for event in events] == [RunsPlanned]
        assert (await system.deliveries(guid), await system.runs()) == (1, 1)
        (numbered,) = await bus.load("ev.workflow.>")
        assert b'"number":1' in numbered.data


async def test_two_parsers_number_the_runs_of_one_workflow_without_a_gap(bus: Bus, tmp_path: Path) -> None:
    repositories = EveryCommit({"a.yml": workflow().encode()})
    async with running(bus, settings_for(tmp_path), repositories, doors=2, parsers=2) as system:
        sendings = (system.send("push", push(), door=number) for number in range(DELIVERIES))
        guids = {guid for guid, _ in await asyncio.gather(*sendings)}
        ended = await system.ended(guids)
        assert all([type(event) for event in events] == [RunsPlanned] for events in ended.values())
        assert await system.runs() == DELIVERIES
        numbers = await bus.load("ev.workflow.>")
        assert [f'"number":{place}'.encode() in stored.data for place, stored in enumerate(numbers, 1)] == [
            True
        ] * DELIVERIES


async def test_a_redelivery_to_new_processes_after_everything_is_done_changes_nothing(bus: Bus, tmp_path: Path) -> None:
    """Nothing is remembered in a process, nor in a bus's window for duplicates: what is stored decides."""
    guid = str(uuid4())
    repositories = EveryCommit({"a.yml": workflow().encode()})
    async with running(bus, settings_for(tmp_path), repositories) as system:
        await system.send("push", push(), guid)
        await system.ended({guid})
        before = [stored.data for stored in await bus.load("ev.>")]
    async with running(bus, settings_for(tmp_path), repositories) as system:
        _, again = await system.send("push", push(), guid)
        assert again.status_code == 200
        assert await system.deliveries(guid) == 1
        await settled(bus)
        assert [stored.data for stored in await bus.load("ev.>")] == before


async def settled(bus: Bus) -> None:
    """A later round trip: whatever a second parser was about to say, it has said."""
    for _ in range(5):
        await bus.round_trip()
