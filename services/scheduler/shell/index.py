"""All runs that are not over, each as far as the log was read, and what they occupy together.

The one place where events are folded in the service. A run whose log cannot be understood is set aside here, alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from libs.bus.port import Stored
from libs.contracts import subjects
from libs.contracts.attempt import AttemptRefused
from libs.contracts.environments import Environments
from libs.contracts.ids import Cause, HostId, RepositoryId, RunId
from libs.contracts.size import Size
from libs.contracts.subjects import AttemptAddress, RunAddress
from services.scheduler.evolve import evolve, evolve_attempt
from services.scheduler.hosts import Fleet, refused
from services.scheduler.place import Usage
from services.scheduler.run_state import Run
from services.scheduler.shell.decoding import AttemptCommit, RunCommit
from services.scheduler.shell.groups import Groups
from services.scheduler.wants import Slot, occupied

Key = TypeVar("Key")


@dataclass(slots=True)
class Tracked:
    """One run. `seq` is the place of the last event on its subject that is folded; `waits_for` the place up to which
    its subject must be folded before it is decided again: that of our own commit, or of somebody else's.
    """

    address: RunAddress
    subject: str
    run: Run | None = None
    seq: int = 0
    cause: Cause | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    places: dict[str, int] = field(default_factory=dict[str, int])
    """The place of the last event of each attempt that is not over, by its subject."""
    proposed: Run | None = None
    """The state with a commit of ours that is under way or not yet read back."""
    appending: bool = False
    waits_for: int = 0
    broken: str = ""
    halted: bool = False
    environments: Environments | None = None
    """Of its repository, as they were read since the run last changed."""
    reading: bool = False
    """They are being read."""

    @property
    def idle(self) -> bool:
        """Nothing of ours is under way, and all is read: it may be decided."""
        return not self.appending and self.seq >= self.waits_for

    @property
    def origin(self) -> Cause:
        """What set the run off; a run whose first event cannot be read has its own address for it."""
        return self.cause or Cause(self.subject)

    def attempt_subject(self, address: AttemptAddress) -> str:
        return subjects.attempt(address.host, self.address, address.job, address.n)

    @property
    def effective(self) -> Run | None:
        return self.proposed or self.run


class Index:
    """`position` is the last place of the log that is folded."""

    def __init__(self) -> None:
        self.runs: dict[RunId, Tracked] = {}
        self.fleet: Fleet = {}
        self.groups = Groups()
        self.position = 0
        self._hosts: Counter[HostId] = Counter()
        self._groups: Counter[str] = Counter()
        self._repositories: Counter[RepositoryId] = Counter()
        self._sizes: dict[HostId, Counter[Size | None]] = {}
        self._counted: dict[RunId, tuple[RepositoryId, list[Slot]]] = {}

    @property
    def usage(self) -> Usage:
        return Usage(self._hosts, self._repositories, self._groups, self._memory_mib())

    def _memory_mib(self) -> dict[HostId, int]:
        """Of each host that counts it. A job that asked for no size takes the host's usual one."""
        return {
            host.id: sum(host.takes_mib(size) * count for size, count in self._sizes[host.id].items())
            for host in self.fleet.values()
            if host.memory_mib and host.id in self._sizes
        }

    def held(self) -> Iterator[Tracked]:
        """The runs that have an attempt on a host."""
        for run_id, (_, slots) in list(self._counted.items()):
            if slots and run_id in self.runs:
                yield self.runs[run_id]

    def fold_run(self, tracked: Tracked, stored: Stored, commit: RunCommit) -> None:
        """Raises IllegalTransition, and what a broken event makes the fold raise."""
        run = tracked.run
        for event in commit.events:
            run = evolve(run, event, stored.time)
        tracked.run, tracked.seq, tracked.environments = run, stored.seq, None
        if run is not None:
            self.groups.note(run)
        if tracked.cause is None:
            tracked.cause, tracked.headers = commit.cause, stored.headers
        if tracked.idle:
            tracked.proposed = None

    def fold_attempt(self, tracked: Tracked, address: AttemptAddress, stored: Stored, commit: AttemptCommit) -> None:
        """Raises IllegalTransition."""
        run = tracked.run
        assert run is not None
        for event in commit.events:
            run = evolve_attempt(run, address, event, stored.time)
            if isinstance(event, AttemptRefused) and not event.permanent:
                self.fleet = refused(self.fleet, address.host)
        tracked.run = run
        tracked.places[stored.subject] = stored.seq

    def count(self, tracked: Tracked) -> None:
        """What the run occupies, after it changed or a commit of ours for it began, failed or was read back."""
        self._uncount(tracked.address.run_id)
        run = tracked.effective
        if run is None or run.over or tracked.broken:
            return
        repository, slots = run.plan.repository.id, occupied(run)
        self._counted[run.id] = (repository, slots)
        for host_id, group, size in slots:
            self._hosts[host_id] += 1
            self._groups[group] += 1
            self._sizes.setdefault(host_id, Counter())[size] += 1
            self._repositories[repository] += 1

    def drop(self, run_id: RunId) -> None:
        self._uncount(run_id)
        self.runs.pop(run_id, None)
        self.groups.drop(run_id)

    def stored_run(self, run_id: RunId) -> Run | None:
        """A run as the log has it, whatever of ours is under way."""
        tracked = self.runs.get(run_id)
        return tracked.run if tracked is not None else None

    def _uncount(self, run_id: RunId) -> None:
        repository, slots = self._counted.pop(run_id, (RepositoryId(0), []))
        for host_id, group, size in slots:
            _less(self._hosts, host_id)
            _less(self._groups, group)
            _less(self._repositories, repository)
            _less(self._sizes[host_id], size)
            if not self._sizes[host_id]:
                del self._sizes[host_id]


def _less(counts: Counter[Key], key: Key) -> None:
    counts[key] -= 1
    if counts[key] <= 0:
        del counts[key]
