"""A proposal is tried out once a place, where a run came to it and a host makes machines; else nothing is sent."""

from __future__ import annotations

import asyncio
import contextlib

import msgspec
import pytest

from libs.blobs.memory import MemoryBlobs
from libs.bus.memory import MemoryBus
from libs.bus.port import Consumer, Message
from libs.contracts import host, intake, subjects
from libs.contracts.commands import TriggerTrial
from libs.contracts.ids import BootId, Cause, RepositoryId, RunId
from libs.contracts.model import ProposalMade, ProposalPlace, ProposedStep
from libs.contracts.size import Size
from services.model.shell.fleet import Fleet
from services.model.shell.runs import Runs
from services.model.shell.trials import Trials, trial_id
from tests.fakes.history import HOST, SHA, History

PROPOSAL = "a" * 64
REPOSITORY = RepositoryId(5)
CAUSE = Cause("delivery-1")
PATH = ".github/workflows/ci.yml"


def made(*runs: int | None) -> ProposalMade:
    places = tuple(ProposalPlace(PATH, SHA, "build", 1, run_id=RunId(run) if run else None) for run in runs)
    steps = (ProposedStep("Get it", "mkdir x"),)
    return ProposalMade(PROPOSAL, "uses", "nobody/knows@v1", places, steps, "m", repository="Octo/hello.world")


async def sent(*proposals: ProposalMade, machines: bool = True, begun: bool = False) -> list[TriggerTrial]:
    """What the service sends for each of these, of runs 7 and 8 that are in the log."""
    bus = MemoryBus()
    history = History(bus)
    for run in (7, 8):
        await history.one_run(run).planned()
    largest = Size(2, 1024) if machines else None
    joined = host.HostJoined(HOST, BootId("b"), ("linux",), 1, "qemu", b"k", takes_forks=True, largest=largest)
    await history.append(subjects.host(HOST), joined)
    if begun:
        await history.intake(intake.DeliveryIgnored("trial", "x"), cause=trial_id(PROPOSAL, RunId(7)))
    fleet = Fleet(bus)
    following = asyncio.create_task(fleet.follow())
    trials = Trials(bus, Runs(bus, MemoryBlobs()), fleet)
    for proposal in proposals:
        await trials.begin(REPOSITORY, proposal, CAUSE)
    following.cancel()
    await asyncio.wait([following])
    return await commands(bus)


async def commands(bus: MemoryBus) -> list[TriggerTrial]:
    taken: list[TriggerTrial] = []
    end = asyncio.Event()

    async def take(message: Message) -> None:
        if message.stored.subject != subjects.trigger_command(REPOSITORY):
            end.set()
            return
        taken.append(msgspec.json.decode(message.stored.data, type=TriggerTrial))

    await bus.enqueue(subjects.model_command("end"), b"{}", message_id="end")
    consumer = Consumer(stream=subjects.COMMANDS, name="test", filters=("cmd.>",))
    consuming = asyncio.create_task(bus.consume(consumer, take))
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(5):
            await end.wait()
    consuming.cancel()
    await asyncio.wait([consuming])
    return taken


async def test_a_place_with_a_run_is_tried_out_in_that_run() -> None:
    (command,) = await sent(made(7))
    assert (command.run_id, command.proposal, command.id) == (RunId(7), PROPOSAL, trial_id(PROPOSAL, RunId(7)))
    assert command.repository.full_name == "Octo/hello.world"


async def test_told_twice_it_is_begun_once_and_another_place_is_another_trial() -> None:
    commands = await sent(made(7), made(7), made(7, 8))
    assert [command.run_id for command in commands] == [RunId(7), RunId(8)]


@pytest.mark.parametrize(
    ("proposal", "machines", "begun"),
    [(made(None), True, False), (made(9), True, False), (made(7), False, False), (made(7), True, True)],
    ids=["a rejected file", "a run that is not in the log", "no host makes machines", "begun before"],
)
async def test_nothing_is_sent_for(proposal: ProposalMade, machines: bool, begun: bool) -> None:
    assert await sent(proposal, machines=machines, begun=begun) == []
