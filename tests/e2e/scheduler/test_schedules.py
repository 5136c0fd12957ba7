"""The clock of `on.schedule` over a real bus: whatever happens to schedulers, a slot is one command."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import msgspec
import pytest

from libs.bus.jetstream import JetStreamBus
from libs.bus.memory import MemoryBus
from libs.bus.port import Bus
from libs.contracts import envelope, subjects
from libs.contracts.commands import TriggerCommand, TriggerFollowers, TriggerSchedule
from libs.contracts.ids import Cause, DeliveryGuid, RepositoryId, commit_id
from libs.contracts.plan import Plan, Repository
from libs.contracts.run import RunEvent, RunPlanned
from libs.contracts.schedules import DeclaredSchedule, FollowedRuns, SchedulesDeclared
from services.cli.local.system import deliver
from services.parser.__main__ import parser
from services.scheduler.shell.clock import Clocks
from services.scheduler.shell.schedules import Schedules
from services.scheduler.shell.service import Scheduler
from services.scheduler.shell.vault import GivenSecrets
from tests.e2e.intake.system import EveryCommit
from tests.e2e.scheduler.fake_agent import FakeAgent
from tests.e2e.scheduler.world import world
from tests.unit.services.parser.world import REPOSITORY as WIRE_REPOSITORY
from tests.unit.services.parser.world import push
from tests.unit.services.scheduler.story import job, plan

GUID = "11111111-2222-3333-4444-555555555555"
REPOSITORY = Repository(RepositoryId(5), "octo", "demo")


async def declare(bus: Bus, *lines: DeclaredSchedule, follows: tuple[FollowedRuns, ...] = ()) -> None:
    subject = subjects.schedules(REPOSITORY.id)
    now = datetime.now(UTC)
    event = SchedulesDeclared(REPOSITORY, "refs/heads/main", "a" * 40, now, "ada", schedules=lines, follows=follows)
    commit = envelope.commit(
        id=commit_id(subject, now.isoformat()),
        source="parser",
        subject=subject,
        cause=Cause("guid"),
        now=now,
        events=[event],
    )
    await bus.append(commit, expected=None)


async def sent(bus: Bus) -> list[TriggerCommand]:
    return [msgspec.json.decode(each.data, type=TriggerCommand) for each in await bus.load(subjects.ALL_TRIGGERS)]


async def until_sent(bus: Bus, count: int, path: str = "") -> list[TriggerCommand]:
    """Of all commands, or of those for one workflow file."""
    async with asyncio.timeout(20):
        while True:
            found = await sent(bus)
            if len([each for each in found if path in ("", getattr(each, "path", ""))]) >= count:
                return found
            await asyncio.sleep(0.05)


class Wall:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


async def keeping(bus: Bus, wall: Wall) -> tuple[Schedules, asyncio.Task[None], asyncio.Task[None]]:
    schedules = Schedules(bus, Clocks(now=wall.now))
    return schedules, asyncio.create_task(schedules.listen()), asyncio.create_task(schedules.keep())


async def ended(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_slot_fires_once_on_a_bus_in_memory():
    await _steps(MemoryBus())


@pytest.mark.row("events: schedule, with timezone")
async def test_a_slot_fires_once_on_jetstream(jetstream_bus: JetStreamBus):
    await _steps(jetstream_bus)


async def _steps(bus: Bus) -> None:
    """Three schedulers at once, started anew for each half hour of a morning, each looking several times."""
    wall = Wall()
    await declare(
        bus, DeclaredSchedule("a.yml", "*/30 * * * *"), DeclaredSchedule("b.yml", "15 * * * *", "Asia/Kolkata")
    )
    for number in range(1, 9):
        wall.ahead += timedelta(minutes=30)
        parts = [await keeping(bus, wall) for _ in range(3)]
        await until_sent(bus, number, "a.yml")
        for _ in range(2):
            await asyncio.gather(*(schedules.look(REPOSITORY.id) for schedules, *_ in parts))
        await ended(*(task for _, *tasks in parts for task in tasks))
    commands = [command for command in await sent(bus) if isinstance(command, TriggerSchedule)]
    slots = sorted((command.path, command.slot) for command in commands)
    assert len(slots) == len(set(slots))
    mine = [slot for path, slot in slots if path == "a.yml"]
    assert [later - slot for slot, later in pairwise(mine)] == [timedelta(minutes=30)] * 7
    assert {slot.minute for path, slot in slots if path == "b.yml"} == {45}


WORKFLOWS = {
    "ci.yml": b"name: CI\non: {push: , schedule: [{cron: '*/5 * * * *'}]}\n"
    b"jobs: {a: {runs-on: ubuntu-latest, steps: [{run: x}]}}\n",
    "after.yml": b"name: After\non: {workflow_run: {workflows: [CI], types: [completed]}}\n"
    b"jobs: {b: {runs-on: ubuntu-latest, steps: [{run: x}]}}\n",
}


@pytest.mark.row("events: schedule, with timezone", "events: workflow_run")
async def test_from_a_push_to_a_slot_and_to_what_follows_both(jetstream_bus: JetStreamBus):
    """A real parser and a real scheduler whose clock is ten minutes ahead: the slot is due once it is declared."""
    wall = Wall()
    wall.ahead = timedelta(minutes=10)
    async with world(bus=jetstream_bus) as w:
        await w.start_agent(FakeAgent(w.bus))
        w.tasks.append(asyncio.create_task(parser(w.process(), EveryCommit(WORKFLOWS)).run()))
        clocks = Clocks(now=wall.now)
        w.tasks.append(
            asyncio.create_task(Scheduler(w.process(), name="ahead", clocks=clocks, vault=GivenSecrets({})).run())
        )
        payload = push(repository=WIRE_REPOSITORY | {"id": 5, "owner": {"login": "octo"}, "name": "demo"})
        await deliver(w.process(), DeliveryGuid(GUID), "push", payload)
        async with asyncio.timeout(20):
            while len(await finished(jetstream_bus, "After")) < 2:
                await asyncio.sleep(0.05)
        seen = {(planned.event, planned.workflow_name) for planned in await plans(jetstream_bus)}
        assert seen == {("push", "CI"), ("schedule", "CI"), ("workflow_run", "After")}
        assert len([planned for planned in await plans(jetstream_bus) if planned.event == "schedule"]) == 1


async def plans(bus: Bus) -> list[Plan]:
    found: list[Plan] = []
    for stored in await bus.load(subjects.ALL_RUNS):
        for raw in envelope.decode_commit(stored.data).events:
            event = msgspec.json.decode(raw, type=RunEvent)
            if isinstance(event, RunPlanned) and event.plan is not None:
                found.append(event.plan)
    return found


async def finished(bus: Bus, workflow: str) -> list[Plan]:
    """The plans of that workflow whose runs succeeded."""
    found: list[Plan] = []
    for planned in await plans(bus):
        last = await bus.last(subjects.run(planned.repository.owner, planned.repository.name, planned.run_id))
        assert last is not None
        if planned.workflow_name == workflow and b'"RunFinished","conclusion":"success"' in last.data:
            found.append(planned)
    return found


async def test_a_timer_that_wakes_the_scheduler_for_nothing_does_no_harm(jetstream_bus: JetStreamBus):
    async with world(bus=jetstream_bus) as w:
        w.start_scheduler()
        soon = datetime.now(UTC) + timedelta(seconds=2)
        await jetstream_bus.arm("schedules.5", soon, b'{"type":"SchedulesDue","repository_id":5}')
        await declare(jetstream_bus, DeclaredSchedule("a.yml", "0 0 1 1 *"))
        async with asyncio.timeout(20):
            while datetime.now(UTC) < soon + timedelta(seconds=1) or await jetstream_bus.load(subjects.ALL_DUE):
                await asyncio.sleep(0.1)
        assert await sent(jetstream_bus) == []
        assert not await jetstream_bus.load("dead.>")


@pytest.mark.row("events: workflow_run")
async def test_what_follows_a_run_is_told_of_each_of_its_steps_once(jetstream_bus: JetStreamBus):
    async with world(bus=jetstream_bus) as w:
        await declare(jetstream_bus, follows=(FollowedRuns("f.yml", (plan(job("a")).workflow_name,)),))
        await w.start_agent(FakeAgent(w.bus))
        w.start_scheduler(lease=False)
        w.start_scheduler(lease=False)
        run_id = await w.plan(plan(job("a")))
        await w.until_over(run_id)
        await until_sent(jetstream_bus, 3)
        await w.rerun(run_id)
        await w.until_over(run_id, 2)
        commands = await until_sent(jetstream_bus, 5)
    told = sorted(
        (command.run_attempt, command.action) for command in commands if isinstance(command, TriggerFollowers)
    )
    assert told == [(1, "completed"), (1, "in_progress"), (1, "requested"), (2, "completed"), (2, "in_progress")]
