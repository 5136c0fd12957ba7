"""`github.run_number`: which run of its workflow a run is. A fold of `ev.workflow.<repository>.<path>`, and its cache.

The same run is never numbered twice, and no number is given to two runs: the subject's sequence sees to it.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field, replace

import msgspec

from libs.bus.port import Bus, Conflict, Stored
from libs.contracts.envelope import decode_commit
from libs.contracts.ids import RunId
from libs.contracts.numbering import RunNumbered
from services.parser.sealing import Origin, seal

MAX_WORKFLOWS = 256
"""Workflows whose numbers are kept at hand; each is some 100 bytes a run."""


@dataclass(frozen=True, slots=True)
class Numbering:
    """The state of one workflow: its runs' numbers, and the place of the subject's last message.

    `numbers` grows in place, as it may hold a hundred thousand: an older state is not used again.
    """

    numbers: dict[RunId, int] = field(default_factory=dict[RunId, int])
    last: int = 0
    place: int = 0


def evolve(state: Numbering, event: RunNumbered) -> Numbering:
    state.numbers[event.run_id] = event.number
    return replace(state, last=max(state.last, event.number))


def decide(state: Numbering, run_id: RunId, path: str) -> list[RunNumbered]:
    """Nothing new where the run has its number."""
    return [] if run_id in state.numbers else [RunNumbered(run_id, state.last + 1, path)]


@dataclass
class Numbers:
    """One conversation a workflow at a time in this process; other processes are told apart by Conflict."""

    bus: Bus
    _known: OrderedDict[str, Numbering] = field(default_factory=OrderedDict[str, Numbering])
    _turns: dict[str, asyncio.Lock] = field(default_factory=dict[str, asyncio.Lock])

    async def number(self, subject: str, run_id: RunId, path: str, origin: Origin) -> int:
        """Raises BusDown."""
        turn = self._turns.setdefault(subject, asyncio.Lock())
        try:
            async with turn:
                return await self._number(subject, run_id, path, origin)
        finally:
            if not turn.locked():
                self._turns.pop(subject, None)

    async def _number(self, subject: str, run_id: RunId, path: str, origin: Origin) -> int:
        while True:
            state = self._known.get(subject) or await self._load(subject, Numbering())
            events = decide(state, run_id, path)
            if not events:
                return state.numbers[run_id]
            # The number is a part of the commit's name: a second process that would give the same run another number,
            # from an older state, must meet a conflict and not its own retry.
            sealed = seal(subject, origin, events, part=str(state.last + 1))
            try:
                place = await self.bus.append(sealed, expected=state.place)
            except Conflict:
                self._keep(subject, await self._load(subject, state))
                continue
            for event in events:
                state = evolve(state, event)
            self._keep(subject, replace(state, place=place))

    async def _load(self, subject: str, state: Numbering) -> Numbering:
        for stored in await self.bus.load(subject, after=state.place):
            for event in _events(stored):
                state = evolve(state, event)
            state = replace(state, place=stored.seq)
        return state

    def _keep(self, subject: str, state: Numbering) -> None:
        self._known[subject] = state
        self._known.move_to_end(subject)
        if len(self._known) > MAX_WORKFLOWS:
            self._known.popitem(last=False)


def _events(stored: Stored) -> list[RunNumbered]:
    return [msgspec.json.decode(event, type=RunNumbered) for event in decode_commit(stored.data).events]
