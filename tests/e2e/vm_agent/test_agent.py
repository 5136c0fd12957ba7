"""The agent on the in-memory bus: an order goes in, an attempt's events come out, and nothing is left behind."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from libs.blobs.memory import MemoryBlobs
from libs.bus.memory import MemoryBus
from libs.bus.port import Consumer
from libs.contracts import subjects
from libs.contracts.attempt import (
    AttemptFinished,
    AttemptLost,
    AttemptRefused,
    AttemptStarted,
    StepFinished,
    StepStarted,
    VmReady,
)
from libs.contracts.commands import DrainHost
from libs.contracts.envelope import decode_commit, encode
from libs.contracts.host import Heartbeat, HostDraining, HostEvent, HostJoined, HostLeft, VmReaped
from libs.contracts.ids import BootId, CommandId
from libs.contracts.logs import LogChunk
from libs.contracts.orders import LargeOrder
from services.vm_agent.agent import Agent, Host
from services.vm_agent.attempt import Bases
from services.vm_agent.custody import Custody
from services.vm_agent.guard import NoGuard
from services.vm_agent.host_log import HostLog
from services.vm_agent.journal import Journal
from services.vm_agent.keys import HostKey
from services.vm_agent.sandbox.host import HostDriver, HostSandbox
from services.vm_agent.sandbox.protocol import SandboxSpec
from services.vm_agent.stock import NoStock
from tests.e2e.vm_agent.agent_harness import HOST, Running, address, agent, job, now
from tests.e2e.vm_agent.harness import PATIENCE, NoSources, step


def started(events: list[object]) -> bool:
    return any(isinstance(event, StepStarted) for event in events)


async def printed(running: Running, subject: str) -> list[str]:
    """The lines in the stream."""
    chunks = [msgspec.json.decode(message.data, type=LogChunk) for message in await running.bus.load("log.h1.42.>")]
    return [line for chunk in chunks for line in chunk.lines]


async def test_a_job_without_work_costs_two_commits(tmp_path: Path) -> None:
    async with agent(tmp_path) as running:
        await running.give(job(step("true")))
        await running.ended(address())
        commits = await running.commits(address())
    kinds = [[type(event) for event in one] for one in commits]
    assert kinds == [[AttemptStarted, VmReady, StepStarted], [StepFinished, AttemptFinished]]
    assert isinstance(commits[1][1], AttemptFinished)
    assert commits[1][1].conclusion == "success"


async def test_between_steps_there_is_one_commit(tmp_path: Path) -> None:
    async with agent(tmp_path) as running:
        await running.give(job(step("true"), step("true", if_="false"), step("true")))
        await running.ended(address())
        kinds = [[type(event) for event in one] for one in await running.commits(address())]
    assert kinds[1] == [StepFinished, StepFinished, StepStarted]
    assert len(kinds) == 3


async def test_commits_carry_the_cause_the_actor_and_the_source(tmp_path: Path) -> None:
    async with agent(tmp_path) as running:
        await running.give(job(step("true")))
        await running.ended(address())
        stored = [decode_commit(message.data) for message in await running.bus.load(address())]
    assert {(one.cause, one.actor, one.source) for one in stored} == {("cause", "octocat", "agent/h1")}
    assert len({one.id for one in stored}) == 2


async def test_the_log_is_in_the_stream_and_in_the_blob(tmp_path: Path) -> None:
    async with agent(tmp_path) as running:
        await running.give(job(step("echo hello")))
        finished = (await running.ended(address()))[-1]
        assert isinstance(finished, AttemptFinished)
        assert finished.log is not None
        whole = zlib.decompress(await running.blobs.get(finished.log))
        assert "hello" in await printed(running, address())
    chunks = [msgspec.json.decode(line, type=LogChunk) for line in whole.splitlines()]
    assert sum(len(chunk.lines) for chunk in chunks) == finished.lines
    assert chunks[-1].end


async def test_sandboxes_are_gone_when_their_attempts_are(tmp_path: Path) -> None:
    async with agent(tmp_path) as running:
        await running.give(job(step("true")))
        await running.ended(address())
        async with asyncio.timeout(10):
            while running.sandboxes():
                await asyncio.sleep(0.01)


async def test_the_same_order_twice_runs_once(tmp_path: Path) -> None:
    async with agent(tmp_path) as running:
        given = job(step("sleep 0.3"))
        await running.give(given)
        await running.give(msgspec.structs.replace(given))
        await running.ended(address())
        await running.give(msgspec.structs.replace(given))
        await running.give(job(step("true"), n=2))
        await running.ended(address(2))
        assert len(await running.commits(address())) == 2


async def test_an_attempt_that_is_lost_already_never_runs(tmp_path: Path) -> None:
    async with agent(tmp_path) as running:
        await running.lose(address())
        await running.give(job(step("touch " + str(tmp_path / "ran"))))
        await running.give(job(step("true"), n=2))
        await running.ended(address(2))
        assert [type(event) for event in await running.events(address())] == [AttemptLost]
        assert not (tmp_path / "ran").exists()


async def test_a_fenced_attempt_stops_at_once_and_appends_nothing_more(tmp_path: Path) -> None:
    async with agent(tmp_path) as running:
        await running.give(job(step("true"), step("sleep 0.4"), step(f"touch {tmp_path / 'ran'}")))
        await running.until(address(), lambda events: len(events) >= 5)
        await running.lose(address())
        async with asyncio.timeout(10):
            while running.sandboxes():
                await asyncio.sleep(0.01)
        assert isinstance((await running.events(address()))[-1], AttemptLost)
        assert not (tmp_path / "ran").exists()


async def test_a_full_host_refuses_and_takes_again_when_there_is_room(tmp_path: Path) -> None:
    async with agent(tmp_path, slots=1) as running:
        await running.give(job(step("sleep 0.5")))
        await running.until(address(), started)
        await running.give(job(step("true"), n=2))
        (refused,) = await running.ended(address(2))
        await running.ended(address())
        await running.give(job(step("true"), n=3))
        after = await running.ended(address(3))
    assert isinstance(refused, AttemptRefused)
    assert "no free slot" in refused.why
    assert not refused.permanent
    assert isinstance(after[-1], AttemptFinished)


async def test_the_host_driver_refuses_forks_for_ever(tmp_path: Path) -> None:
    async with agent(tmp_path) as running:
        await running.give(job(step("true"), trust="fork"))
        (refused,) = await running.ended(address())
    assert isinstance(refused, AttemptRefused)
    assert refused.permanent
    assert "does not run code from forks" in refused.why


async def test_secrets_sealed_for_another_boot_are_refused(tmp_path: Path) -> None:
    async with agent(tmp_path, seals=True) as running:
        await running.give(job(step("true"), sealed=b"x" * 64))
        (refused,) = await running.ended(address())
    assert isinstance(refused, AttemptRefused)
    assert "not for this boot" in refused.why


async def test_sealed_secrets_reach_the_job_and_no_event_or_log(tmp_path: Path) -> None:
    from nacl.public import PublicKey, SealedBox

    async with agent(tmp_path, seals=True) as running:
        joined = next(event for event in await joined_of(running) if isinstance(event, HostJoined))
        sealed = SealedBox(PublicKey(joined.key)).encrypt(b'{"TOKEN": "t0p-secret-value"}')
        await running.give(
            job(step("echo $T | rev; echo $T"), sealed=sealed, planned={"env": {"T": "${{ secrets.TOKEN }}"}})
        )
        events = await running.ended(address())
        lines = await printed(running, address())
    assert "t0p-secret-value"[::-1] in lines
    assert "t0p-secret-value" not in str(events) + str(lines)


async def joined_of(running: Running) -> list[object]:
    async with asyncio.timeout(10):
        while not (events := await running.host_events()):
            await asyncio.sleep(0.01)
    return list(events)


async def test_a_large_order_is_in_a_blob_and_a_missing_blob_is_refused(tmp_path: Path) -> None:
    async with agent(tmp_path) as running:
        blob = await running.blobs.put(encode(job(step("true"))))
        gone = await running.blobs.put(b"gone")
        await running.blobs.delete(gone)
        doorbell = subjects.doorbell(HOST)
        await running.bus.enqueue(doorbell, encode(LargeOrder(address(), blob)), message_id="large")
        await running.bus.enqueue(doorbell, encode(LargeOrder(address(2), gone)), message_id="gone")
        assert isinstance((await running.ended(address()))[-1], AttemptFinished)
        assert isinstance((await running.ended(address(2)))[0], AttemptRefused)


async def test_what_is_no_order_goes_to_the_dead_letters_and_stops_nothing(tmp_path: Path) -> None:
    async with agent(tmp_path) as running:
        doorbell = subjects.doorbell(HOST)
        await running.bus.enqueue(doorbell, b"nonsense", message_id="1")
        foreign = job(step("true"), attempt=address().replace(".h1.", ".h2."))
        await running.bus.enqueue(doorbell, encode(foreign), message_id="2")
        await running.give(job(step("true")))
        await running.ended(address())
        assert len(await running.bus.load("dead.>")) == 2


async def test_a_cancelled_attempt_ends_as_cancellation(tmp_path: Path) -> None:
    async with agent(tmp_path) as running:
        await running.give(job(step("sleep 60"), step("true", if_="always()")))
        await running.until(address(), started)
        await running.cancel(address())
        events = await running.ended(address())
    outcomes = [event.outcome for event in events if isinstance(event, StepFinished)]
    assert outcomes == ["cancellation", "success"]
    assert isinstance(events[-1], AttemptFinished)
    assert events[-1].conclusion == "cancellation"


async def test_a_time_limit_ends_as_timeout(tmp_path: Path) -> None:
    async with agent(tmp_path) as running:
        await running.give(job(step("sleep 60")))
        await running.until(address(), started)
        await running.cancel(address(), "timeout")
        events = await running.ended(address())
    assert isinstance(events[-1], AttemptFinished)
    assert events[-1].conclusion == "timeout"


async def test_an_order_to_stop_may_come_before_the_order(tmp_path: Path) -> None:
    async with agent(tmp_path) as running:
        await running.cancel(address())
        await joined_of(running)
        await asyncio.sleep(0.05)
        await running.give(job(step("sleep 60")))
        events = await running.ended(address())
    assert isinstance(events[-1], AttemptFinished)
    assert events[-1].conclusion == "cancellation"


async def test_a_draining_host_refuses_until_it_is_undrained(tmp_path: Path) -> None:
    async with agent(tmp_path) as running:
        for number, undrain in ((1, False), (2, True)):
            command = DrainHost(CommandId(str(number)), HOST, by="ops", undrain=undrain)
            await running.bus.enqueue(subjects.host_command(HOST), encode(command), message_id=str(number))
            async with asyncio.timeout(10):
                while HostDraining("ops", undrained=undrain) not in await running.host_events():
                    await asyncio.sleep(0.01)
            await running.give(job(step("true"), n=number))
        assert isinstance((await running.ended(address(1)))[0], AttemptRefused)
        assert isinstance((await running.ended(address(2)))[-1], AttemptFinished)


async def test_a_host_joins_beats_and_leaves(tmp_path: Path) -> None:
    async with agent(tmp_path, seals=True) as running:
        beats = running.bus.subscribe(subjects.heartbeat(HOST))
        async with asyncio.timeout(10):
            beat = asyncio.ensure_future(anext(beats))
            await running.give(job(step("true")))
            _, data = await beat
        assert msgspec.json.decode(data, type=Heartbeat).slots == 2
        await beats.aclose()
    joined, left = await running.host_events()
    assert isinstance(joined, HostJoined)
    assert isinstance(left, HostLeft)
    assert len(joined.key) == 32
    assert joined.boot_id == left.boot_id
    assert abs(joined.clock_skew_ms) < 1000


async def test_a_stopped_agent_ends_its_attempts_as_errors(tmp_path: Path) -> None:
    async with agent(tmp_path) as running:
        await running.give(job(step("sleep 60")))
        await running.until(address(), started)
    events = await running.events(address())
    assert isinstance(events[-1], AttemptFinished)
    assert (events[-1].conclusion, events[-1].why) == ("error", "the agent was stopped")
    assert not running.sandboxes()


async def test_leftovers_of_a_boot_that_died_are_removed_and_told(tmp_path: Path) -> None:
    left = tmp_path / "home" / "agent" / HOST / "sandboxes" / "42-1-dead"
    left.mkdir(parents=True)
    (left.parent.parent / "journal").write_text('{"sandbox":"42-1-dead","attempt":"ev.attempt.x","open":true}\n{"cut')
    async with agent(tmp_path) as running:
        events = await joined_of(running)
    reaped = [event for event in events if isinstance(event, VmReaped)]
    assert [event.vm for event in reaped] == ["42-1-dead"]
    assert "of ev.attempt.x" in reaped[0].what
    assert not left.exists()


async def test_a_second_agent_of_the_same_name_ends_with_a_plain_word(tmp_path: Path) -> None:
    async with agent(tmp_path) as first:
        await joined_of(first)
        async with agent(tmp_path, bus=first.bus) as second:
            await asyncio.wait({second.task}, timeout=10)
            assert "give each agent a name of its own" in str(second.task.exception())
        assert not first.task.done()


async def test_a_host_that_was_taken_over_ends_and_destroys(tmp_path: Path) -> None:
    """Another machine with the same name: the newer boot wins."""
    async with agent(tmp_path) as first:
        await joined_of(first)
        await first.give(job(step("sleep 60")))
        await first.until(address(), started)
        await _join_as_another(first)
        command = DrainHost(CommandId("c"), HOST, by="ops")
        await first.bus.enqueue(subjects.host_command(HOST), encode(command), message_id="c")
        async with asyncio.timeout(20):
            await asyncio.wait({first.task})
        assert "another agent runs under this name" in str(first.task.exception())
        assert not first.sandboxes()


async def _join_as_another(running: Running) -> None:
    other = HostLog(running.bus, HOST, BootId("other"), now)
    await other.join([HostLeft(BootId("other"), "taken")])


@asynccontextmanager
async def alone(folder: Path, driver: HostDriver) -> AsyncIterator[tuple[Agent, MemoryBus, HostLog]]:
    """An agent without its tasks: whoever wants a reap asks for it."""
    host_log = HostLog(bus := MemoryBus(), HOST, BootId("b"), now)
    journal = Journal(folder.parent)
    stock = NoStock(driver)
    bases = Bases(bus, MemoryBlobs(), NoSources(), NoSources(), driver, BootId("b"), folder.parent, {}, PATIENCE, stock)
    one = Agent(Host(HOST, 1, (), HostKey(enabled=False), now), bases, host_log, Custody(journal, NoGuard()))
    await host_log.join([one.joined(0)])
    orders = Consumer(subjects.JOBS, "agent-h1", (subjects.doorbell(HOST),))
    consuming = asyncio.ensure_future(bus.consume(orders, one.on_order))
    yield one, bus, host_log
    consuming.cancel()
    await one.abandon()
    journal.close()


async def reaped(bus: MemoryBus, host_log: HostLog) -> list[str]:
    await host_log.flush()
    stored = [decode_commit(message.data) for message in await bus.load(subjects.host(HOST))]
    events = [msgspec.json.decode(raw, type=HostEvent) for one in stored for raw in one.events]
    return [event.vm for event in events if isinstance(event, VmReaped)]


async def test_each_minute_what_belongs_to_no_job_is_removed_and_what_does_is_not(tmp_path: Path) -> None:
    folder = tmp_path / "home" / "agent" / HOST / "sandboxes"
    async with alone(folder, HostDriver(folder)) as (one, bus, host_log):
        await bus.enqueue(subjects.doorbell(HOST), encode(job(step("sleep 60"))), message_id="1")
        async with asyncio.timeout(10):
            while not (folder.exists() and list(folder.iterdir())):
                await asyncio.sleep(0.01)
        (running,) = folder.iterdir()
        (folder / "nobodys").mkdir()
        await one.reap()
        assert list(folder.iterdir()) == [running]
        assert await reaped(bus, host_log) == ["nobodys"]
        await one.reap()
        assert await reaped(bus, host_log) == ["nobodys"]


async def test_a_sandbox_that_resists_is_tried_again_and_told(tmp_path: Path) -> None:
    class Resisting(HostDriver):
        def create(self, spec: SandboxSpec) -> HostSandbox:
            made = super().create(spec)
            destroy, refusals = made.destroy, ["it resists"]

            async def resist() -> None:
                if refusals:
                    raise OSError(refusals.pop())
                await destroy()

            made.destroy = resist  # type: ignore[method-assign]
            return made

    folder = tmp_path / "home" / "agent" / HOST / "sandboxes"
    async with alone(folder, Resisting(folder)) as (one, bus, host_log):
        await bus.enqueue(subjects.doorbell(HOST), encode(job(step("true"))), message_id="1")
        async with asyncio.timeout(10):
            while not one.leftovers:
                await asyncio.sleep(0.01)
        (left,) = folder.iterdir()
        await one.reap()
        assert not list(folder.iterdir())
        assert not one.leftovers
        assert await reaped(bus, host_log) == [left.name]
