"""A trace out of the event log, as `firebreak events tail --json` prints it: one envelope a line, in the log's order.

Only what a job's attempts say is read: which workflow and commit (RunPlanned), what it declares (JobQueued,
TimeoutAdjusted), how it ended (AttemptFinished). What was cancelled, lost or our own error says nothing about the job.
A plan that is too large for its event is in a blob, which is not at hand here: such runs are told, and left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from libs.contracts import subjects
from libs.contracts.attempt import AttemptFinished
from libs.contracts.envelope import Envelope
from libs.contracts.ids import JobKey, RunId
from libs.contracts.results import Result
from libs.contracts.run import JobQueued, TimeoutAdjusted
from services.learner.backtest.trace import DEFAULT_LIMIT_MS, Ended, Ending
from services.learner.folding import heads

LINE_BYTES = 4 * 1024 * 1024
"""An event is in a message of 1 MiB at most; as JSON with escapes it may be more, never so much more."""
KINDS: dict[Result, Ended] = {"success": "success", "failure": "failure", "timeout": "hang"}
"""A job that reached its limit is taken to hang: nobody knows better, and the limit is usually six hours."""


class BadTrace(ValueError):
    """A line is no envelope. The message says which."""


class Skipped(msgspec.Struct):
    """What was read and is in no trace."""

    ended_otherwise: int = 0
    without_plan: int = 0
    trials: int = 0
    """Of a model's proposals: another workflow than the one whose name they have."""


_envelopes = msgspec.json.Decoder(Envelope)
_planned = msgspec.json.Decoder(heads.PlannedHead)
_queued = msgspec.json.Decoder(JobQueued)
_adjusted = msgspec.json.Decoder(TimeoutAdjusted)
_finished = msgspec.json.Decoder(AttemptFinished)


class Recorder:
    """Reads envelopes, keeps the endings."""

    def __init__(self) -> None:
        self.skipped = Skipped()
        self._endings: list[Ending] = []
        self._runs: dict[RunId, heads.PlanHead] = {}
        self._declared: dict[tuple[RunId, JobKey], float] = {}
        self._keys: dict[tuple[int, str, JobKey], int] = {}
        self._failed: set[tuple[RunId, JobKey]] = set()

    def read(self, envelope: Envelope) -> None:
        """Raises ValueError, of msgspec or of subjects, where the event is not what its type says."""
        match envelope.type:
            case "RunPlanned":
                plan = _planned.decode(envelope.data).plan
                if plan is not None:
                    self._runs[subjects.parse_run(envelope.subject).run_id] = plan
            case "JobQueued":
                queued = _queued.decode(envelope.data)
                place = (subjects.parse_run(envelope.subject).run_id, queued.job)
                self._declared.setdefault(place, queued.timeout_ms)
            case "TimeoutAdjusted":
                # It comes before the JobQueued with the shorter limit: what the workflow declares is known here alone.
                adjusted = _adjusted.decode(envelope.data)
                self._declared[subjects.parse_run(envelope.subject).run_id, adjusted.job] = adjusted.from_ms
            case "AttemptFinished":
                self._end(envelope, _finished.decode(envelope.data))
            case _:
                pass

    @property
    def endings(self) -> list[Ending]:
        """By their start."""
        return sorted(self._endings, key=lambda ending: (ending.start_seconds, ending.key))

    def _end(self, envelope: Envelope, finished: AttemptFinished) -> None:
        address = subjects.parse_attempt(envelope.subject)
        ended = KINDS.get(finished.conclusion)
        plan = self._runs.get(address.run_id)
        if ended is None:
            self.skipped.ended_otherwise += 1
            return
        if plan is None:
            self.skipped.without_plan += 1
            return
        if plan.trial:
            self.skipped.trials += 1
            return
        place = (address.run_id, address.job)
        declared_ms = self._declared.get(place, DEFAULT_LIMIT_MS)
        # A limit that was shortened ended it early: it would have gone on until what is declared.
        duration_ms = max(finished.duration_ms, declared_ms) if ended == "hang" else finished.duration_ms
        self._endings.append(
            Ending(
                start_seconds=envelope.time.timestamp() - finished.duration_ms / 1000,
                key=self._key(plan, address.job),
                sha=plan.sha,
                ended=ended,
                duration_ms=duration_ms,
                declared_ms=declared_ms,
                retried=place in self._failed,
            )
        )
        if ended != "success":
            self._failed.add(place)

    def _key(self, plan: heads.PlanHead, job: JobKey) -> int:
        return self._keys.setdefault((plan.repository.id, plan.workflow_path, job), len(self._keys))


def recorded(lines: Iterable[bytes]) -> tuple[list[Ending], Skipped]:
    """The endings by their start, and what was left out. Raises BadTrace, with the line's number."""
    recorder = Recorder()
    for number, line in _numbered(lines):
        try:
            recorder.read(_envelopes.decode(line))
        except ValueError as error:
            raise BadTrace(f"line {number} is no event as `firebreak events tail --json` prints it: {error}") from None
    return recorder.endings, recorder.skipped


def _numbered(lines: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(lines, 1):
        if len(line) > LINE_BYTES:
            raise BadTrace(f"line {number} is longer than {LINE_BYTES} bytes: no event is")
        if line.strip():
            yield number, line
