"""Runs one job as the agent does, in a real sandbox, with everything that it says kept in lists."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from libs.blobs.memory import MemoryBlobs
from libs.contracts.attempt import StepFinished, StepStarted
from libs.contracts.blobs import BlobRef
from libs.contracts.ids import Cause, HostId, JobKey, RepositoryId, RunId
from libs.contracts.logs import LogChunk
from libs.contracts.orders import JobOrder
from libs.contracts.plan import PlannedJob, Repository
from libs.sources import Source, SourceMissing, Wanted
from libs.workflow.expressions import Value
from libs.workflow.runner.masking import Masker
from services.vm_agent.job.actions.actions import actions_of
from services.vm_agent.job.containers.containers import Containers
from services.vm_agent.job.containers.means import Means
from services.vm_agent.job.containers.offered import OfferedImages
from services.vm_agent.job.job import Job, JobEnd
from services.vm_agent.job.places import places
from services.vm_agent.job.state import JobState
from services.vm_agent.job.supervision import Cancellation, Patience
from services.vm_agent.job.surroundings import Surroundings
from services.vm_agent.log.job_log import JobLog
from services.vm_agent.log.matching.matchers import matchers_of
from services.vm_agent.log.spool import Spool
from services.vm_agent.sandbox.protocol import Sandbox

SHA = "1" * 40
REPOSITORY = Repository(RepositoryId(7), "octo", "demo", clone_url="https://github.com/octo/demo.git")
PATIENCE = Patience(interrupt_seconds=1.0, terminate_seconds=0.5, cancel_seconds=3.0)


@dataclass
class KeptRecord:
    events: list[StepStarted | StepFinished] = field(default_factory=list[StepStarted | StepFinished])

    async def started(self, event: StepStarted) -> None:
        self.events.append(event)

    def finished(self, event: StepFinished) -> None:
        self.events.append(event)

    @property
    def steps(self) -> list[StepFinished]:
        return [event for event in self.events if isinstance(event, StepFinished)]


class NoSources:
    """Every repository is out of reach."""

    @asynccontextmanager
    async def checkout(self, wanted: Wanted) -> AsyncIterator[Source]:
        raise SourceMissing(f"{wanted.repository.full_name} cannot be reached")
        yield


@dataclass
class Ran:
    end: JobEnd
    record: KeptRecord
    chunks: list[LogChunk]
    blobs: MemoryBlobs
    log: BlobRef

    @property
    def lines(self) -> list[str]:
        return [line for chunk in self.chunks for line in chunk.lines]

    @property
    def outcomes(self) -> list[str]:
        return [step.outcome for step in self.record.steps]

    @property
    def conclusions(self) -> list[str]:
        return [step.conclusion for step in self.record.steps]

    def printed(self, step: int = 0) -> list[str]:
        """The lines of a step behind its prelude."""
        lines = [line for chunk in self.chunks if chunk.step == step for line in chunk.lines]
        return lines[lines.index("##[endgroup]") + 1 :] if "##[endgroup]" in lines else lines


def lines_of(ran: Ran, name: str) -> list[str]:
    """All lines of the one step of this name."""
    (index,) = [one.step for one in ran.record.steps if one.name == name]
    return [line for chunk in ran.chunks if chunk.step == index for line in chunk.lines]


def step(run: str | None = None, **fields: object) -> dict[str, object]:
    """A step as a workflow file has it, with `_` for `-`."""
    return {"run": run, **{name.rstrip("_").replace("-", "_"): value for name, value in fields.items()}}


def order(*steps: dict[str, object], **fields: object) -> JobOrder:
    """An order for these steps; `planned` fields go into the planned job."""
    job = fields.pop("planned", {})
    assert isinstance(job, dict)
    planned = {
        "id": "build",
        "line": 10,
        "runs_on": "ubuntu-latest",
        **job,
        "steps": [{"index": index, "line": 20 + index, **one} for index, one in enumerate(steps)],
    }
    github = {
        "sha": SHA,
        "ref": "refs/heads/main",
        "ref_name": "main",
        "repository": "octo/demo",
        "server_url": "https://github.com",
        "workflow": "CI",
        "workflow_ref": "octo/demo/.github/workflows/ci.yml@refs/heads/main",
        "event_name": "push",
        "run_id": "42",
        "event": {"head_commit": {"message": "hello"}},
        "base_ref": "",
    }
    values: dict[str, object] = {
        "attempt": "ev.attempt.h1.octo.demo.42.build.1",
        "name": "build",
        "timeout_ms": 60_000,
        "github": github,
        "run_id": RunId(42),
        "job": JobKey("build"),
        "n": 1,
        "host": HostId("h1"),
        "cause": Cause("cause"),
        "actor": "octocat",
        "trust": "own",
        "sha": SHA,
        "repository": REPOSITORY,
        "planned": msgspec.convert(planned, PlannedJob),
        **fields,
    }
    return JobOrder(**values)  # pyright: ignore[reportArgumentType]


class Bench:
    """One job on one sandbox; `job` can be cancelled while `run` is awaited."""

    def __init__(
        self,
        sandbox: Sandbox,
        given: JobOrder,
        folder: Path,
        *,
        secrets: dict[str, str] | None = None,
        sources: object = None,
        actions: object = None,
        patience: Patience = PATIENCE,
        base_environment: dict[str, str] | None = None,
        images: Path | None = None,
    ) -> None:
        self.chunks: list[LogChunk] = []
        self.sandbox = sandbox
        self.blobs, self.record = MemoryBlobs(), KeptRecord()
        self.places = places(sandbox.paths, given.repository.name)
        runner: dict[str, Value] = {
            "os": "Linux",
            "arch": "X64",
            "name": "h1",
            "temp": self.places.temp,
            "tool_cache": self.places.tool_cache,
            "workspace": self.places.runner_workspace,
            "environment": "self-hosted",
        }
        self.log = JobLog(self._stream, Spool(folder), time.monotonic)
        self.masker = Masker(tuple((secrets or {}).values()))
        self.matchers = matchers_of(given, sandbox.read_file, self.places.workspace)
        around = Surroundings(
            matchers=self.matchers,
            sandbox=sandbox,
            places=self.places,
            state=JobState(given, self.places, secrets or {}, runner),
            masker=self.masker,
            log=self.log,
            sources=sources or NoSources(),  # pyright: ignore[reportArgumentType]
            actions=actions_of(
                given,
                sandbox,
                self.places,
                (sources or NoSources(), actions or NoSources()),  # pyright: ignore[reportArgumentType]
                base_environment or {},
            ),
            blobs=self.blobs,
            cancellation=Cancellation(patience, time.monotonic),
            patience=patience,
            clock=time.monotonic,
            base_environment=base_environment or {},
            containers=Containers(
                sandbox,
                self.places,
                given.attempt,
                Means(base_environment or {}, OfferedImages(images), (0.01, 0.01), 0.01),
            ),
        )
        self.state, self.actions = around.state, around.actions
        self.job = Job(around, self.record)

    async def run(self) -> Ran:
        end = await self.job.run()
        await self.matchers.close()
        stored = await self.log.finish(self.blobs)
        await self.log.close()
        return Ran(end, self.record, self.chunks, self.blobs, stored)

    async def _stream(self, data: bytes) -> None:
        self.chunks.append(msgspec.json.decode(data, type=LogChunk))
