"""The scheduler's loop: reads the log, decides about what changed, appends; effects follow from what is stored.

Everything that changes the index happens in this one loop, one item after the other; appends and effects run beside it
and come back as items.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing

from libs.bus.port import CaughtUp, Conflict, Stored, TooLarge
from libs.contracts.host import Heartbeat
from libs.contracts.ids import RunId
from libs.contracts.run import JobAssigned, RunEvent
from libs.contracts.subjects import ACTIVE, ALL_ATTEMPTS, ALL_GROUPS, ALL_HOSTS, ALL_RUNS, CHECKPOINTS, EVENTS
from libs.process import Process
from libs.telemetry import log
from services.scheduler.effects import effects_of
from services.scheduler.evolve import evolve
from services.scheduler.hosts import heard, silenced
from services.scheduler.learned import Bounds
from services.scheduler.policy import SERVICE, Policy
from services.scheduler.run_state import Run
from services.scheduler.shell import checkpoint
from services.scheduler.shell.activity import Activity, Always
from services.scheduler.shell.clock import Clocks
from services.scheduler.shell.gatekeeper import Gatekeeper
from services.scheduler.shell.gauges import Measured, Unmeasured
from services.scheduler.shell.inbox import Asked, EnvironmentsRead, GroupFound, GroupSettled, Inbox, Item, Look, Settled
from services.scheduler.shell.index import Index, Tracked
from services.scheduler.shell.learned import Knowledge
from services.scheduler.shell.liveness import SWEEP_SECONDS, Liveness
from services.scheduler.shell.performer import Performer
from services.scheduler.shell.reactions import Reactions
from services.scheduler.shell.reader import Reader
from services.scheduler.shell.reconciler import Reconciler
from services.scheduler.shell.rounds import Draft, Rounds
from services.scheduler.shell.schedules import Schedules
from services.scheduler.shell.vault import Vault
from services.scheduler.shell.writer import Writer, fitting
from services.scheduler.situation import Situation

BREATH_ITEMS = 256
"""After so many items without a pause the other tasks of the loop get their turn."""
STALE_SECONDS = 0.5
"""Before a decision is tried again that conflicted with something older than what was read: a bus that was restored."""


class Scheduler:
    def __init__(
        self,
        process: Process,
        *,
        name: str,
        policy: Policy = SERVICE,
        clocks: Clocks | None = None,
        vault: Vault,
    ) -> None:
        bus, clocks = process.bus, clocks or Clocks()
        self._bus, self._clocks, self._policy = bus, clocks, policy
        self._index, self._inbox = Index(), Inbox()
        self._liveness = Liveness(bus, self._index, self._inbox, clocks)
        self._reader = Reader(self._index, bus, process.blobs, clocks, self._liveness.heard)
        self._knowledge = Knowledge(bus, _bounds(process), lambda: self._inbox.put(Look()))
        self._rounds = Rounds(self._index, self._knowledge.of)
        self._writer = Writer(bus, clocks)
        self._gatekeeper = Gatekeeper(bus, self._index, self._inbox, self._writer)
        self._performer = Performer(bus, process.blobs, self._index, clocks, vault)
        self._reconciler = Reconciler(self._index, self._performer, self._inbox)
        self._schedules = Schedules(bus, clocks)
        self._reactions = Reactions(bus, self._index, self._inbox, self._performer, self._schedules)
        lease = process.settings.scheduler_lease
        self._activity = Activity(bus.key_value(ACTIVE), name) if lease else Always()
        self._gauges = Unmeasured() if process.settings.metrics_port is None else Measured(process.metrics)
        self._log = log.get("scheduler").bind(scheduler=name)
        self._caught_up = False
        self._tasks = asyncio.TaskGroup()

    async def run(self) -> None:
        """Until cancelled."""
        place = await self._restore()
        async with self._tasks as tasks:
            for work in (
                self._liveness.listen(),
                self._schedules.listen(),
                self._knowledge.listen(),
                self._liveness.keep_asking(),
                self._tail(place),
                self._activity.keep(),
                self._follow_activity(),
                self._sweep(),
                self._work(),
            ):
                tasks.create_task(work)

    async def _restore(self) -> int:
        """The runs and hosts of the checkpoint; the place from which the log is read on."""
        self._extent = await self._bus.extent(EVENTS)
        found = await checkpoint.read(self._bus.key_value(CHECKPOINTS), self._extent)
        if found is None:
            return 0
        self._index.position = found.seq
        self._index.fleet = {host.id: host for host in found.hosts}
        for run_id in found.runs:
            await self._reader.load(run_id)
        self._log.info("goes on from a checkpoint", seq=found.seq, runs=len(found.runs))
        return found.seq

    async def _tail(self, place: int) -> None:
        async with aclosing(self._bus.tail(EVENTS, (ALL_RUNS, ALL_ATTEMPTS, ALL_HOSTS, ALL_GROUPS), place)) as messages:
            async for message in messages:
                await self._inbox.room()
                self._inbox.put(message)

    async def _work(self) -> None:
        since_checkpoint = 0
        while True:
            items = await self._inbox.take()
            touched: dict[RunId, None] = {}
            for number, item in enumerate(items, 1):
                await self._take(item, touched)
                if number % BREATH_ITEMS == 0:
                    await asyncio.sleep(0)
            touched.update(dict.fromkeys(self._index.groups.touched))
            self._index.groups.touched.clear()
            self._reactions.reached(self._index.position)
            if self._may_decide:
                self._decide(touched)
            self._retire(touched)
            since_checkpoint += len(items)
            if since_checkpoint >= checkpoint.EVERY_EVENTS and self._caught_up and self._activity.held:
                since_checkpoint = 0
                await self._write_checkpoint()

    @property
    def _may_decide(self) -> bool:
        return self._caught_up and self._knowledge.is_read and self._activity.held

    async def _take(self, item: Item, touched: dict[RunId, None]) -> None:
        """Puts one item into the index; notes the runs that have to be looked at."""
        match item:
            case Stored():
                run_id = await self._reader.fold(item)
                if run_id is not None:
                    touched[run_id] = None
            case CaughtUp(seq):
                self._index.position = max(self._index.position, seq)
                self._caught_up = True
                touched.update(dict.fromkeys(self._index.runs))
                self._log.info("caught up", seq=seq, runs=len(self._index.runs), active=self._activity.held)
            case Heartbeat():
                self._liveness.hear(item)
                self._index.fleet = heard(self._index.fleet, item)
            case Settled():
                self._settle(item)
                touched[item.run_id] = None
            case Look(run_id):
                touched.update(dict.fromkeys(self._index.runs if run_id is None else (run_id,)))
            case Asked():
                await self._ask(item)
                touched[item.run_id] = None
            case GroupSettled(subject, place):
                self._index.groups.settled(subject, place)
            case GroupFound(subject, stored):
                state = None if stored is None else self._reader.group_state(stored)
                self._index.groups.loaded(subject, stored, state)
            case EnvironmentsRead():
                self._gatekeeper.read(item)
                touched[item.run_id] = None

    def _settle(self, settled: Settled) -> None:
        tracked = self._index.runs.get(settled.run_id)
        if tracked is None:
            return
        tracked.appending = False
        tracked.waits_for = max(tracked.waits_for, settled.place)
        tracked.broken = tracked.broken or settled.failed
        if tracked.idle:
            tracked.proposed = None
        self._index.count(tracked)

    async def _ask(self, asked: Asked) -> None:
        tracked = await self._reader.load(asked.run_id)
        if tracked is None:
            asked.answer(f"there is no run {asked.run_id}")
        elif tracked.broken:
            asked.answer(f"run {asked.run_id} cannot be understood: {tracked.broken}")
        else:
            self._rounds.asked.setdefault(asked.run_id, []).append(asked)

    def _decide(self, touched: dict[RunId, None]) -> None:
        groups = self._index.groups
        situation = Situation(self._clocks.now(), self._index.fleet, self._policy, groups.states)
        for draft in self._rounds.drafts(touched, situation):
            self._begin(draft, situation)
        for work in self._gatekeeper.follows(self._rounds.unread):
            self._tasks.create_task(work)
        self._rounds.unread.clear()

    def _begin(self, draft: Draft, situation: Situation) -> None:
        tracked, run = draft.tracked, draft.run
        try:
            events = fitting(draft.events)
        except ValueError as error:  # text that no UTF-8 has; the decisions about all other runs go on
            self._log.error("a decision cannot be written: the run is set aside", run=tracked.address.run_id, why=error)
            tracked.appending, tracked.proposed = True, None
            failed = f"a decision cannot be written: {error}"
            self._inbox.put(Settled(tracked.address.run_id, tracked.seq, failed))
            return
        if len(events) < len(draft.events):
            run = tracked.run
            for event in events:
                run = evolve(run, event, situation.now)
        tracked.appending, tracked.proposed = True, run
        self._index.count(tracked)
        self._tasks.create_task(self._store(tracked, events, tracked.seq, run))

    async def _store(self, tracked: Tracked, events: list[RunEvent], expected: int, run: Run | None) -> None:
        run_id = tracked.address.run_id
        try:
            place = await self._writer.decision(tracked, events, expected)
        except Conflict as conflict:
            if conflict.last <= expected:
                await asyncio.sleep(STALE_SECONDS)
            self._inbox.put(Settled(run_id, conflict.last))
            return
        except TooLarge as error:
            self._log.error("a decision is too large to be stored: the run is set aside", run=run_id, why=error)
            self._inbox.put(Settled(run_id, expected, f"a decision is too large to be stored: {error}"))
            return
        self._inbox.put(Settled(run_id, place))
        self._gauges.stored()
        if run is not None:
            await self._ring(tracked, events, run)

    async def _ring(self, tracked: Tracked, events: list[RunEvent], run: Run) -> None:
        """At once, for speed: what is stored now is rung by the consumer of effects in any case, and put once."""
        for event in events:
            if isinstance(event, JobAssigned):
                for effect in effects_of(run, event, tracked.origin):
                    await self._performer.attempt(effect)

    def _retire(self, touched: dict[RunId, None]) -> None:
        """Runs that are over leave memory; a rerun loads them again."""
        for run_id in touched:
            tracked = self._index.runs.get(run_id)
            if tracked is None or tracked.run is None or not tracked.run.over or tracked.broken:
                continue
            if tracked.idle and run_id not in self._rounds.asked:
                self._index.drop(run_id)

    async def _sweep(self) -> None:
        losing: set[str] = set()
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self._index.fleet = silenced(self._index.fleet, self._liveness.silent())
            self._gauges.show(self._index, self._rounds.waiting_jobs, active=self._activity.held)
            if not self._caught_up or not self._activity.held:
                continue
            for tracked, lost in self._liveness.sweep():
                subject = tracked.attempt_subject(lost.address)
                place = tracked.places.get(subject, 0)
                if f"{subject} {place}" not in losing:
                    losing.add(f"{subject} {place}")
                    self._gauges.lost()
                    task = self._tasks.create_task(self._writer.loss(tracked, lost, place))
                    task.add_done_callback(lambda _, key=f"{subject} {place}": losing.discard(key))
            self._inbox.put(Look(RunId(0)))  # no run: only placement, for a host may be back

    async def _follow_activity(self) -> None:
        """While active: commands, timers and effects are taken, and the world is repaired again and again."""
        while True:
            if self._activity.held:
                self._log.info("active")
                self._inbox.put(Look())
                await self._while_active()
                self._log.info("standby")
            await self._activity.changed.wait()
            self._activity.changed.clear()

    async def _while_active(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            works = (*self._reactions.consumers(), self._reconciler.keep(), self._schedules.keep())
            working = [tasks.create_task(work) for work in works]
            while self._activity.held:
                await self._activity.changed.wait()
                self._activity.changed.clear()
            for task in working:
                task.cancel()

    async def _write_checkpoint(self) -> None:
        if not await checkpoint.write(self._bus.key_value(CHECKPOINTS), self._index, self._extent):
            self._log.warning("too many runs for a checkpoint", runs=len(self._index.runs))


def _bounds(process: Process) -> Bounds:
    settings = process.settings
    return Bounds(frozenset(settings.forbidden), settings.timeout_floor_seconds * 1000)
