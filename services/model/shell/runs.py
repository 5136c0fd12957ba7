"""A run as this service needs it: its view, which steps failed at the end, what could not be had, and their logs."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from libs.blobs.port import BlobMissing, Blobs
from libs.bus.port import Bus, Stored
from libs.contracts import subjects
from libs.contracts.attempt import StepFinished
from libs.contracts.envelope import decode_commit
from libs.contracts.ids import JobKey
from libs.contracts.plan import Plan
from libs.contracts.subjects import RunAddress
from libs.views.fold import take_plan, view_of
from libs.views.log_lines import lines_of, stored_lines
from libs.views.run import RunView
from services.model.triage import FailedStep

LOG_LINES = 5000
"""Of a failed step, the last ones: what went wrong is rarely further up, and a step may print for hours."""

_finished = msgspec.json.Decoder(StepFinished)
_plans = msgspec.json.Decoder(Plan)


@dataclass(frozen=True, slots=True)
class Looked:
    """`ended` are the ends of steps, by job and attempt."""

    view: RunView
    ended: dict[tuple[JobKey, int], list[StepFinished]]

    def lacking(self) -> list[tuple[JobKey, int]]:
        return [(job, step) for (job, _), steps in self.ended.items() for each in steps for step in each.lacking]

    def failed(self) -> list[FailedStep]:
        """Of the last attempt of each job that failed: earlier ones were tried again, and lost ones are nobody's."""
        return [step for job in self.view.jobs.values() if job.attempts for step in self._failed(job.key)]

    def _failed(self, key: JobKey) -> Iterator[FailedStep]:
        job, trust = self.view.jobs[key], self.view.plan.trust if self.view.plan is not None else "fork"
        n = job.attempts[-1].n
        if job.outcome not in ("failure", "error"):
            return
        for step in self.ended.get((key, n), []):
            if step.outcome == "failure" and step.conclusion == "failure" and not step.lacking:
                yield FailedStep(
                    self.view.run_attempt,
                    key,
                    n,
                    step.step,
                    step.name,
                    step.exit_code,
                    step.category,
                    trust,
                    step.first_line,
                )


@dataclass(frozen=True, slots=True)
class Runs:
    bus: Bus
    blobs: Blobs

    async def look(self, address: RunAddress) -> Looked | None:
        """None for a run without a plan that can be read."""
        of_run = await self.bus.load(subjects.run(*address))
        of_attempts = await self.bus.load(subjects.attempts_of_run(address.run_id))
        everything = sorted([*of_run, *of_attempts], key=lambda stored: stored.seq)
        view = view_of([decode_commit(stored.data) for stored in everything])
        if view is None:
            return None
        if view.plan is None and view.plan_blob is not None:
            with contextlib.suppress(BlobMissing, msgspec.MsgspecError):
                take_plan(view, _plans.decode(await self.blobs.get(view.plan_blob)))
        return Looked(view, _ends(of_attempts)) if view.plan is not None else None

    async def log(self, looked: Looked, step: FailedStep) -> tuple[int, list[str]]:
        """The step's last masked lines, and the number of the first of them; none where there is no log any more."""
        kept: deque[tuple[int, str]] = deque(maxlen=LOG_LINES)
        attempt = next(each for each in looked.view.jobs[step.job].attempts if each.n == step.n)
        if attempt.log is not None:
            with contextlib.suppress(BlobMissing):
                async for line in stored_lines(self.blobs, attempt.log, step.job, step.n):
                    if line.step == step.step:
                        kept.append((line.number, line.text))
        else:
            for stored in await self.bus.load(subjects.log_of_attempt(looked.view.run_id, step.job, step.n)):
                kept.extend((line.number, line.text) for line in lines_of(stored) if line.step == step.step)
        return (kept[0][0] if kept else step.first), [text for _, text in kept]


def _ends(of_attempts: list[Stored]) -> dict[tuple[JobKey, int], list[StepFinished]]:
    ended: dict[tuple[JobKey, int], list[StepFinished]] = {}
    for stored in of_attempts:
        address = subjects.parse_attempt(stored.subject)
        for raw in decode_commit(stored.data).events:
            with contextlib.suppress(msgspec.ValidationError):  # every other event of an attempt
                ended.setdefault((address.job, address.n), []).append(_finished.decode(raw))
    return ended
