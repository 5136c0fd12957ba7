"""Writes `ev.recognition.>`: once a run attempt, soon after it has ended, so that the comment can tell.

Looked up between two batches in the learner's own file, written beside: the file waits for no bus. What a killed
learner did not tell is told at the next start, if that is soon; what was told is not told again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from libs.bus.port import Bus, BusDown, Conflict, Stored
from libs.contracts import envelope, ids, subjects
from libs.contracts.ids import Cause, RunId
from libs.contracts.recognition import FailureRecognized
from libs.telemetry import log
from services.learner.advising.failures import FailedRun, Failures
from services.learner.advising.missed_failures import recall
from services.learner.advising.recognized import recognized
from services.learner.advising.seen import RunPlanned
from services.learner.store.database import Database
from services.learner.thread import in_thread

RUNS_A_TURN = 10
"""Looked up before the next batch is written: a look-up takes some ten milliseconds, and others wait for the file."""
TOLD_WAITING = 1_000
AGAIN_SECONDS = 1.0

_events = msgspec.json.Decoder(FailureRecognized)


class Recognizer:
    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.failures = Failures()
        self._found: asyncio.Queue[tuple[RunPlanned, list[FailureRecognized]]] = asyncio.Queue(TOLD_WAITING)
        self._log = log.get("learner")

    async def begin(self, database: Database) -> None:
        """What had failed when this learner, or the one before, last looked."""
        await in_thread(recall, database.connection, self.failures)

    async def look_up(self, database: Database, planned: Callable[[int], RunPlanned | None]) -> None:
        """Of runs that have ended. A run whose plan is not known any more is not told of."""
        for _ in range(RUNS_A_TURN):
            run = self.failures.next()
            if run is None or self._found.full():
                return
            about = planned(run.run_id)
            if about is not None and (found := await in_thread(_known, database, about, run)):
                self._found.put_nowait((about, found))

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            about, found = await self._found.get()
            await self._tell(about, found)

    async def _tell(self, about: RunPlanned, found: list[FailureRecognized]) -> None:
        while True:
            try:
                await self._append(about, found)
                return
            except (BusDown, Conflict) as error:
                self._log.debug("a failure that is known is told again", why=error, run=about.run_id)
                await asyncio.sleep(AGAIN_SECONDS)

    async def _append(self, about: RunPlanned, found: list[FailureRecognized]) -> None:
        owner, _, name = about.repository.partition("/")
        subject = subjects.recognition(owner, name, RunId(about.run_id))
        last = await self._bus.last(subject)
        run_attempt = found[0].run_attempt
        if last is not None and _told_of(last) >= run_attempt:
            return
        commit = envelope.commit(
            id=ids.commit_id(subject, run_attempt),
            source="learner",
            subject=subject,
            cause=Cause(f"run-{about.run_id}"),
            now=datetime.now(UTC),
            events=[*found],
        )
        await self._bus.append(commit, expected=last.seq if last is not None else 0)


def _known(database: Database, about: RunPlanned, run: FailedRun) -> list[FailureRecognized]:
    found: list[FailureRecognized] = []
    for failure in run.failures:
        known = database.seen_before(failure.fingerprint, run.run_id)
        if (each := recognized(failure, run.run_attempt, about.repository_id, known)) is not None:
            found.append(each)
    return found


def _told_of(stored: Stored) -> int:
    """The run attempt that it tells of; of what nobody can read the last one."""
    try:
        return max(_events.decode(raw).run_attempt for raw in envelope.decode_commit(stored.data).events)
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError):
        return 0
