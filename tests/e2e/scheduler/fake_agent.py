"""An agent that runs nothing and answers honestly, by the real rules: the attempt's subject is its lease."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

import msgspec

from libs.bus.port import Bus, Conflict, Consumer, Message
from libs.contracts import envelope, subjects
from libs.contracts.attempt import AttemptFinished, AttemptRefused, AttemptStarted, StepFinished, StepStarted, VmReady
from libs.contracts.host import Heartbeat, HostJoined
from libs.contracts.ids import BootId, Cause, HostId, commit_id
from libs.contracts.orders import CancelOrder, JobOrder, LargeOrder, Order
from libs.contracts.results import Result

_orders = msgspec.json.Decoder(Order)
_boots = itertools.count(1)
Script = Callable[[JobOrder], "Act"]


class Act(msgspec.Struct, frozen=True):
    """What the agent makes of an order."""

    outcome: Result = "success"
    outputs: dict[str, str] = {}
    seconds: float = 0
    refuse: str = ""
    permanent: bool = False
    lose_step: int | None = None
    die_after_start: bool = False
    never_start: bool = False


class FakeAgent:
    def __init__(self, bus: Bus, id: str = "h1", *labels: str, slots: int = 4, script: Script | None = None) -> None:
        self.bus, self.id, self.slots = bus, HostId(id), slots
        self.labels = labels or ("ubuntu-latest",)
        self.script: Script = script or (lambda order: Act())
        self.boot = BootId(f"boot-{next(_boots)}")
        self.orders: list[JobOrder] = []
        self.beating = True
        self.stops: dict[str, asyncio.Event] = {}
        self._running: set[asyncio.Task[None]] = set()

    @property
    def busy(self) -> int:
        return len(self._running)

    async def join(self, **fields: object) -> None:
        values = {"driver": "bubblewrap", "key": b"", **fields}
        joined = HostJoined(self.id, self.boot, self.labels, self.slots, **values)
        await self._append(subjects.host(self.id), [joined], None, self.boot)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._beat())
            consumer = Consumer(subjects.JOBS, f"agent-{self.id}", (subjects.doorbell(self.id),), concurrency=32)
            tasks.create_task(self.bus.consume(consumer, self._order))

    async def _beat(self) -> None:
        while True:
            if self.beating:
                free = self.slots - len(self._running)
                beat = Heartbeat(self.id, self.boot, self.slots, free)
                await self.bus.publish(subjects.heartbeat(self.id), envelope.encode(beat))
            await asyncio.sleep(0.2)

    async def _order(self, message: Message) -> None:
        order = _orders.decode(message.stored.data)
        match order:
            case CancelOrder():
                self.stops.setdefault(order.attempt, asyncio.Event()).set()
            case LargeOrder():
                raise AssertionError("no large orders in these tests")
            case JobOrder():
                self.orders.append(order)
                task = asyncio.create_task(self._run(order))
                self._running.add(task)
                task.add_done_callback(self._running.discard)

    async def _run(self, order: JobOrder) -> None:
        act = self.script(order)
        if act.never_start:
            return
        with suppress(Conflict):  # fenced: somebody else's word came first
            if act.refuse:
                await self._append(order.attempt, [AttemptRefused(act.refuse, act.permanent)], 0, "refused")
                return
            await self._steps(order, act)

    async def _steps(self, order: JobOrder, act: Act) -> None:
        begun = AttemptStarted(order.run_id, order.job, order.n, self.id, self.boot, "bubblewrap")
        first = [begun, VmReady("spawned"), StepStarted(0, "step 1")]
        place = await self._append(order.attempt, first, 0, "started")
        if act.die_after_start:
            return
        stop = self.stops.setdefault(order.attempt, asyncio.Event())
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), act.seconds or 0.001)
        outcome: Result = "cancellation" if stop.is_set() else act.outcome
        events: list[msgspec.Struct] = []
        for step in order.planned.steps:
            result: Result = outcome if step.index == 0 else ("success" if outcome == "success" else "skip")
            if step.index != act.lose_step:
                events.append(StepFinished(step.index, f"step {step.index + 1}", result, result))
        events.append(AttemptFinished(outcome, act.outputs))
        await self._append(order.attempt, events, place, "finished")

    async def _append(self, subject: str, events: list[msgspec.Struct], expected: int | None, why: str) -> int:
        commit = envelope.commit(
            id=commit_id(subject, why),
            source=f"agent {self.id}",
            subject=subject,
            cause=Cause("test"),
            now=datetime.now(UTC),
            events=events,
        )
        return await self.bus.append(commit, expected=expected)
