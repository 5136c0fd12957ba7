"""From stored messages to the index: decodes, loads what is not in memory, folds, and sets aside what cannot be.

Messages come in the order of the log, one after the other. A run that was not tracked (it was over, and is rerun) is
loaded up to the place that is folded, so that it is as if it had never been away.
"""

from __future__ import annotations

from libs.blobs.port import BlobMissing, Blobs
from libs.bus.port import Bus, Stored
from libs.contracts import subjects
from libs.contracts.envelope import UnknownEvent
from libs.contracts.group import GroupChanged
from libs.contracts.host import HostJoined
from libs.contracts.ids import HostId, RunId
from libs.contracts.run import RunFinished, RunPlanned
from libs.telemetry import log
from services.scheduler.hosts import evolve_fleet
from services.scheduler.policy import SILENCE_SECONDS
from services.scheduler.shell.clock import Clocks
from services.scheduler.shell.decoding import (
    AttemptCommit,
    Malformed,
    RunCommit,
    attempt_commit,
    group_change,
    host_commit,
    run_commit,
    with_outputs,
    with_plan,
)
from services.scheduler.shell.index import Index, Tracked
from services.scheduler.transitions import IllegalTransition

# What the fold of a log that no sane writer wrote may raise; anything else is our own bug and stops the process.
BROKEN = (IllegalTransition, Malformed, BlobMissing, ValueError, KeyError, AssertionError)


class Reader:
    """`heard` gets the time of a host that joined just now: its first heartbeat need not be waited for."""

    def __init__(self, index: Index, bus: Bus, blobs: Blobs, clocks: Clocks, heard: dict[HostId, float]) -> None:
        self._index, self._bus, self._blobs, self._clocks, self._heard = index, bus, blobs, clocks, heard
        self._log = log.get("scheduler")

    async def fold(self, stored: Stored) -> RunId | None:
        """Folds the next message of the log; the run that it changed, if any."""
        kind = stored.subject.split(".", 2)[1]
        touched: RunId | None = None
        if kind == "run":
            touched = await self._fold_run(stored)
        elif kind == "attempt":
            touched = await self._fold_attempt(stored)
        elif kind == "host":
            self._fold_host(stored)
        elif kind == "group":
            self._index.groups.fold(stored, self.group_state(stored))
        self._index.position = max(self._index.position, stored.seq)
        return touched

    async def load(self, run_id: RunId) -> Tracked | None:
        """Brings a run that is not in memory up to where the log is folded; None where there is no such run."""
        if run_id in self._index.runs:
            return self._index.runs[run_id]
        mine = await self._bus.load(subjects.any_run(run_id))
        theirs = await self._bus.load(subjects.attempts_of_run(run_id))
        known = [stored for stored in (*mine, *theirs) if stored.seq <= self._index.position]
        for stored in sorted(known, key=lambda stored: stored.seq):
            await self._fold_known(stored, run_id)
        return self._index.runs.get(run_id)

    async def _fold_known(self, stored: Stored, run_id: RunId) -> None:
        if stored.subject.startswith("ev.run."):
            tracked = self._index.runs.get(run_id) or self._track(stored)
            await self._apply_run(tracked, stored)
        elif run_id in self._index.runs:
            await self._apply_attempt(self._index.runs[run_id], stored)

    async def _fold_run(self, stored: Stored) -> RunId:
        run_id = subjects.parse_run(stored.subject).run_id
        tracked = self._index.runs.get(run_id)
        if tracked is None and not self._begins(stored):
            tracked = await self.load(run_id)
        tracked = tracked or self._track(stored)
        if stored.seq > tracked.seq:
            await self._apply_run(tracked, stored)
        return run_id

    def _begins(self, stored: Stored) -> bool:
        """A run's first message needs no look at what was before."""
        try:
            return any(isinstance(event, RunPlanned) for event in run_commit(stored).events)
        except (UnknownEvent, Malformed):
            return False

    def _track(self, stored: Stored) -> Tracked:
        address = subjects.parse_run(stored.subject)
        tracked = Tracked(address, stored.subject)
        self._index.runs[address.run_id] = tracked
        return tracked

    async def _apply_run(self, tracked: Tracked, stored: Stored) -> None:
        if tracked.broken:
            self._pass_over(tracked, stored)
            return
        try:
            commit = run_commit(stored)
            events = tuple([await with_plan(event, self._blobs) for event in commit.events])
            self._index.fold_run(tracked, stored, RunCommit(commit.cause, commit.time, events))
        except UnknownEvent as error:
            self._set_aside(tracked, stored, error, halted=True)
        except BROKEN as error:
            self._set_aside(tracked, stored, error)
        self._index.count(tracked)

    async def _fold_attempt(self, stored: Stored) -> RunId | None:
        address = subjects.parse_attempt(stored.subject)
        tracked = self._index.runs.get(address.run_id)
        if tracked is None or tracked.run is None or tracked.broken:
            return None
        await self._apply_attempt(tracked, stored)
        return address.run_id

    async def _apply_attempt(self, tracked: Tracked, stored: Stored) -> None:
        if tracked.run is None or tracked.broken:
            return
        try:
            commit = attempt_commit(stored)
            events = tuple([await with_outputs(event, self._blobs) for event in commit.events])
            address = subjects.parse_attempt(stored.subject)
            self._index.fold_attempt(tracked, address, stored, AttemptCommit(commit.cause, commit.time, events))
        except UnknownEvent as error:
            self._set_aside(tracked, stored, error, halted=True)
        except BROKEN as error:
            self._set_aside(tracked, stored, error)
        self._index.count(tracked)

    def _fold_host(self, stored: Stored) -> None:
        """A host whose log cannot be read gets no jobs; the others do."""
        host_id = HostId(stored.subject.rpartition(".")[2])
        try:
            for event in host_commit(stored).events:
                self._index.fleet = evolve_fleet(self._index.fleet, host_id, event)
                if isinstance(event, HostJoined) and self._is_fresh(stored):
                    self._heard[host_id] = self._clocks.monotonic()
        except (UnknownEvent, Malformed) as error:
            self._log.error("a host's event cannot be read, and is passed over", host=host_id, why=error)

    def group_state(self, stored: Stored) -> GroupChanged | None:
        """None for what cannot be read: the state before it holds on."""
        try:
            return group_change(stored)
        except (UnknownEvent, Malformed) as error:
            self._log.error("a concurrency group's event cannot be read, and is passed over", why=error)
            return None

    def _is_fresh(self, stored: Stored) -> bool:
        return (self._clocks.now() - stored.time).total_seconds() < SILENCE_SECONDS

    def _set_aside(self, tracked: Tracked, stored: Stored, error: Exception, *, halted: bool = False) -> None:
        """This run is decided no more; all others go on."""
        tracked.broken, tracked.halted = f"{type(error).__name__}: {error}", halted
        if stored.subject == tracked.subject:
            tracked.seq = stored.seq
        hint = "update the scheduler, then restart it" if halted else "the run ends in error; look at its events"
        self._log.error("a run is set aside", run=tracked.address.run_id, seq=stored.seq, why=error, hint=hint)

    def _pass_over(self, tracked: Tracked, stored: Stored) -> None:
        """Of a run that was set aside only its end matters."""
        tracked.seq = stored.seq
        try:
            over = any(isinstance(event, RunFinished) for event in run_commit(stored).events)
        except (UnknownEvent, Malformed):
            return
        if over:
            self._index.drop(tracked.address.run_id)
