"""Reads what was advised for each repository and what it opts into, from the log: of each, the last word stands.

Every scheduler reads it, whether active or not. What it cannot read (a newer learner wrote it) changes nothing: advice
is an offer, and no run waits for one that is understood.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing

import msgspec

from libs.bus.port import Bus, CaughtUp, Stored
from libs.contracts import subjects
from libs.contracts.advice import AdviceEvent, AdviceGiven
from libs.contracts.envelope import decode_commit
from libs.contracts.ids import RepositoryId
from libs.contracts.opt_ins import OptIns, OptInsDeclared
from libs.telemetry import log
from services.scheduler.learned import NOTHING, Bounds, Learned, learned

FILTERS = (subjects.ALL_ADVICE, subjects.ALL_OPT_INS)

_advice = msgspec.json.Decoder(AdviceEvent)
_opt_ins = msgspec.json.Decoder(OptInsDeclared)


class Knowledge:
    """`caught_up` is called once, when all that stands was read: until then nothing is decided, so that a scheduler
    that starts decides as one that was there.
    """

    def __init__(self, bus: Bus, bounds: Bounds, caught_up: Callable[[], None]) -> None:
        self._bus, self._bounds, self._caught_up = bus, bounds, caught_up
        self.is_read = False
        self._given: dict[RepositoryId, tuple[AdviceGiven, int]] = {}
        self._opt_ins: dict[RepositoryId, OptIns] = {}
        self._known: dict[RepositoryId, Learned] = {}
        self._log = log.get("scheduler")

    def of(self, repository: RepositoryId) -> Learned:
        """What is known of a repository's jobs now."""
        return self._known.get(repository, NOTHING)

    async def listen(self) -> None:
        """Until cancelled."""
        async with aclosing(self._bus.latest(subjects.EVENTS, FILTERS)) as messages:
            async for message in messages:
                if isinstance(message, CaughtUp):
                    self.is_read = True
                    self._caught_up()
                elif message.subject != subjects.ADVICE_FOR_HOSTS:
                    self._fold(message)

    def _fold(self, stored: Stored) -> None:
        advised = stored.subject.startswith("ev.advice.")
        try:
            repository = RepositoryId(int(stored.subject.split(".")[2]))
            for raw in decode_commit(stored.data).events:
                if advised:
                    self._advised(repository, raw, stored)
                else:
                    self._opt_ins[repository] = _opt_ins.decode(raw).opt_ins
        except (msgspec.DecodeError, ValueError) as error:
            self._passed_over(stored, error)
            return
        given, position = self._given.get(repository, (None, 0))
        self._known[repository] = learned(given, position, self._opt_ins.get(repository, OptIns()), self._bounds)

    def _advised(self, repository: RepositoryId, raw: msgspec.Raw, stored: Stored) -> None:
        """What is unknown beside the advice is passed over, the advice is not."""
        try:
            event = _advice.decode(raw)
        except msgspec.DecodeError as error:
            self._passed_over(stored, error)
            return
        if isinstance(event, AdviceGiven):
            self._given[repository] = event, stored.seq

    def _passed_over(self, stored: Stored, error: Exception) -> None:
        self._log.error("what was learned cannot be read, and is passed over", subject=stored.subject, why=error)
