"""The model's service as a task on the bus in memory, its real worker process, a server that answers as a test says."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest_asyncio

from libs.blobs.memory import MemoryBlobs
from libs.bus.memory import MemoryBus
from libs.contracts import attempt, host, intake, plan, run, subjects
from libs.contracts.envelope import decode_commit
from libs.contracts.ids import BootId, JobKey, RepositoryId, RunId
from libs.contracts.model import ModelEvent, ModelFailed
from libs.process import Process
from libs.settings import read_settings
from services.model.__main__ import serve
from services.model.llm.process import WorkerProcess
from tests.fakes.history import HOST, SHA, History, OneRun
from tests.fakes.models.server import Answer, Models, Request, models

EVENT_SECONDS = 100.0
"""Of one event: a deadline of two seconds; and litellm may be imported before it, on a machine that does much else."""
GOOD = '{"steps": [{"name": "Set it up", "run": "make setup"}], "gaps": []}'

_events: msgspec.json.Decoder[ModelEvent] = msgspec.json.Decoder(ModelEvent)


@dataclass
class Stage:
    """`say` is what the server answers next."""

    environment: Mapping[str, str]
    server: Models
    bus: MemoryBus = field(default_factory=MemoryBus)
    blobs: MemoryBlobs = field(default_factory=MemoryBlobs)
    _ids: count[int] = field(default_factory=lambda: count(100))

    def __post_init__(self) -> None:
        self.history = History(self.bus)

    def next_id(self) -> RunId:
        return RunId(next(self._ids))

    def process(self) -> Process:
        return Process(read_settings(self.environment), self.bus, self.blobs)

    @contextlib.asynccontextmanager
    async def service(self) -> AsyncGenerator[None]:
        task = asyncio.create_task(serve(self.process()))
        await self.joined()
        for _ in range(100):  # its consumers begin with what comes: they have to be there
            await asyncio.sleep(0)
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error

    async def joined(self, *labels: str) -> None:
        said = host.HostJoined(HOST, BootId("boot"), labels or ("linux", "ubuntu-*"), 1, "host", b"k")
        await self.history.append(subjects.host(HOST), said)

    async def lacks(
        self, uses: str, trust: plan.Trust = "own", step: Mapping[str, Any] | None = None, **job: Any
    ) -> OneRun:
        """A run whose one job ended because the action of its second step cannot be had."""
        steps = (
            plan.PlannedStep(0, 4, run="make"),
            msgspec.structs.replace(plan.PlannedStep(1, 5, uses=uses), **(step or {})),
        )
        one = Planned(self.history, RunId(next(self._ids)), trust=trust)
        one.job = plan.PlannedJob("build", 3, "ubuntu-latest", steps, **job)
        await one.planned()
        await one.say(run.RunStarted())
        await one.queued("build")
        await one.assigned("build")
        await one.started("build")
        setup = attempt.StepFinished(2, "Set up job", "failure", "failure", part="setup", lacking=(1,), why="no such")
        await one.at("build", 1, setup)
        await one.finished("build", "failure")
        await one.over("failure", steps_run=0)
        return one

    async def fails(self, lines: tuple[str, ...], *, category: Any = "", trust: plan.Trust = "own") -> OneRun:
        """A run whose one step failed, having printed these lines."""
        from libs.contracts.logs import LogChunk

        one = Planned(self.history, RunId(next(self._ids)), trust=trust)
        one.job = plan.PlannedJob("test", 3, "ubuntu-latest", (plan.PlannedStep(0, 4, run="make test"),))
        await one.planned()
        await one.say(run.RunStarted())
        await one.queued("test")
        await one.assigned("test")
        await one.started("test")
        chunk = LogChunk(3, 0, lines, tuple(range(len(lines))), end=True)
        await self.bus.stream_log(subjects.log(HOST, one.run_id, JobKey("test"), 1), msgspec.json.encode(chunk))
        await self.bus.flush_logs()
        said = attempt.StepFinished(
            0, "Run make test", "failure", "failure", exit_code=2, first_line=3, lines=len(lines), category=category
        )
        await one.at("test", 1, said)
        await one.finished("test", "failure")
        await one.over("failure")
        return one

    async def rejected(self, text: str, *problems: intake.Problem, trust: plan.Trust = "own") -> None:
        content = await self.blobs.put(text.encode())
        cause = f"delivery-{next(self._ids)}"
        said = intake.WorkflowRejected(
            self.history.full_name, SHA, ".github/workflows/ci.yml", problems, content, RepositoryId(5), trust
        )
        await self.history.intake(said, cause=cause)

    async def events(self, known: int = 0, at_least: int = 1) -> list[ModelEvent]:
        """What the service said, from the `known`-th event on, as soon as there is so much of it."""
        async with asyncio.timeout(EVENT_SECONDS):
            while len(found := await self.said()) < known + at_least:
                await asyncio.sleep(0.01)
        return found[known:]

    async def said(self) -> list[ModelEvent]:
        stored = await self.bus.load(subjects.ALL_MODEL)
        return [_events.decode(raw) for each in stored for raw in decode_commit(each.data).events]

    async def settled(self) -> None:
        """Everything that was stored before has been handled: what comes after it has an answer."""
        known = len(await self.said())
        self.answer(GOOD)
        await self.lacks(f"octo/settled-{next(self._ids)}@v1")
        await self.events(known)

    def answer(self, answer: Answer) -> None:
        def say(_: Request) -> Answer:
            return answer

        self.server.say = say

    async def failure(self, known: int) -> ModelFailed:
        (event,) = await self.events(known)
        assert isinstance(event, ModelFailed), event
        return event


class Planned(OneRun):
    job: plan.PlannedJob

    def __init__(self, history: History, run_id: RunId, trust: plan.Trust) -> None:
        super().__init__(history, run_id)
        self._trust: plan.Trust = trust

    @property
    def plan(self) -> plan.Plan:
        return msgspec.structs.replace(super().plan, jobs=(self.job,), trust=self._trust)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stage(tmp_path_factory: Any) -> AsyncGenerator[Stage]:
    """One service and one worker process for all tests: litellm takes seconds to import."""
    home: Path = tmp_path_factory.mktemp("home")
    async with models(GOOD) as server:
        environment = {
            "FIREBREAK_HOME": str(home),
            "USE_LLM_PARSER": "true",
            "OLLAMA_BASE_URL": server.url,
            "FIREBREAK_LLM_SECONDS": "2",
        }
        stage = Stage(environment, server)
        async with stage.service():
            yield stage


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def worker() -> AsyncGenerator[WorkerProcess]:
    """For questions that need no service."""
    process = WorkerProcess()
    yield process
    await process.close()
