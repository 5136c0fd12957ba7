"""Tells a log as the parser, the scheduler and an agent would write it, on any bus; what the console has to make of it.

Every text that a user controls can be given, so that a test can make each of them hostile.
"""

from __future__ import annotations

import zlib
from datetime import UTC, datetime, timedelta

import msgspec

from libs.blobs.port import Blobs
from libs.bus.port import Bus
from libs.contracts import envelope, subjects
from libs.contracts.attempt import AttemptFinished, AttemptStarted, StepFinished, StepStarted
from libs.contracts.blobs import BlobRef
from libs.contracts.envelope import encode
from libs.contracts.ids import BootId, Cause, HostId, JobKey, RepositoryId, RunId, commit_id
from libs.contracts.logs import LogChunk
from libs.contracts.plan import Plan, PlannedJob, PlannedStep, Repository
from libs.contracts.results import Result
from libs.contracts.run import JobAssigned, JobFinished, JobQueued, RunFinished, RunPlanned, RunStarted

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
CAUSE = Cause("0b989ba4-242f-11e5-81e1-c7b6966d2516")
HOST = HostId("h1")
BUILD = JobKey("build")


def plan(run_id: int = 7, **fields: object) -> Plan:
    steps = (PlannedStep(0, 8, run="true"), PlannedStep(1, 9, run="false"))
    values: dict[str, object] = {
        "run_id": RunId(run_id),
        "run_number": 3,
        "repository": Repository(RepositoryId(1), "Octo", "Demo.js"),
        "event": "push",
        "sha": "a" * 40,
        "ref": "refs/heads/main",
        "workflow_path": ".github/workflows/ci.yml",
        "workflow_name": "CI",
        "run_name": "Fix the build",
        "trust": "own",
        "actor": "octocat",
        "jobs": (PlannedJob("build", 5, "ubuntu-latest", steps, name="Build it"),),
        "github": {"ref": "refs/heads/main"},
    }
    return Plan(**{**values, **fields})


class Telling:
    """One run of one job with two steps. Times pass by a second a commit."""

    def __init__(self, bus: Bus, planned: Plan | None = None, blobs: Blobs | None = None) -> None:
        self.bus, self.blobs, self.plan = bus, blobs, planned or plan()
        self.run_id = self.plan.run_id
        self.now = NOON
        self.n = 1
        self.lines = 0
        self.chunks: list[LogChunk] = []
        self._places: dict[str, int] = {}
        repository = self.plan.repository
        self.address = subjects.RunAddress(
            repository.owner.lower(), repository.name.lower().replace(".", "~"), self.run_id
        )

    @property
    def run_subject(self) -> str:
        return subjects.run(*self.address)

    @property
    def attempt_subject(self) -> str:
        return subjects.attempt(HOST, self.address, BUILD, self.n)

    @property
    def log_subject(self) -> str:
        return subjects.log(HOST, self.run_id, BUILD, self.n)

    async def say(self, subject: str, *events: msgspec.Struct) -> int:
        self.now += timedelta(seconds=1)
        expected = self._places.get(subject, 0)
        commit = envelope.commit(
            id=commit_id(subject, expected, self.now.isoformat()),
            source="test",
            subject=subject,
            cause=CAUSE,
            now=self.now,
            events=list(events),
        )
        self._places[subject] = await self.bus.append(commit, expected=expected)
        return self._places[subject]

    async def planned(self, blob: BlobRef | None = None) -> None:
        await self.say(self.run_subject, RunPlanned(None if blob else self.plan, blob))

    async def assigned(self, name: str = "Build it") -> None:
        queued = JobQueued(BUILD, "build", name, ("ubuntu-latest",), 60_000)
        await self.say(self.run_subject, RunStarted(), queued, JobAssigned(BUILD, self.n, HOST))

    async def started(self, step: str = "Run true") -> None:
        begun = AttemptStarted(self.run_id, BUILD, self.n, HOST, BootId("b1"), "bubblewrap")
        await self.say(self.attempt_subject, begun, StepStarted(0, step))

    async def print(self, *lines: str, step: int = 0, lose: bool = False) -> LogChunk:
        """`lose`: the batch never reached the stream; the whole log has it."""
        chunk = LogChunk(self.lines, step, lines, tuple(0 for _ in lines))
        self.lines += len(lines)
        self.chunks.append(chunk)
        if not lose:
            await self.bus.stream_log(self.log_subject, encode(chunk))
        return chunk

    async def second_step(self, name: str = "Run false", **fields: object) -> None:
        first = StepFinished(0, "Run true", "success", "success", 1200, 0, lines=self.lines, **fields)
        await self.say(self.attempt_subject, first, StepStarted(1, name))

    async def attempt_over(self, result: Result = "failure", *, blob: bool = True, **fields: object) -> None:
        chunk = LogChunk(self.lines, -1, (), (), end=True)
        self.chunks.append(chunk)
        await self.bus.stream_log(self.log_subject, encode(chunk))
        second = StepFinished(1, "Run false", result, result, 800, 1, **fields)
        await self.say(self.attempt_subject, second, AttemptFinished(
            result, log=await self.stored_log() if blob else None, lines=self.lines, duration_ms=2000
        ))  # fmt: skip

    async def finished(self, result: Result = "failure", why: str = "step 2 failed", steps_run: int = 2) -> None:
        job = JobFinished(BUILD, "build", "Build it", result, result, self.n, why=why)
        await self.say(self.run_subject, job, RunFinished(result, steps_run=steps_run, why=why))

    async def whole(self) -> None:
        """A run from its plan to its verdict."""
        await self.planned()
        await self.assigned()
        await self.started()
        await self.print("hello", "world")
        await self.second_step()
        await self.print("again", step=1)
        await self.attempt_over()
        await self.finished()

    async def stored_log(self) -> BlobRef:
        assert self.blobs is not None
        return await self.blobs.put(zlib.compress(b"".join(encode(chunk) + b"\n" for chunk in self.chunks)))
