"""The scheduler's real processes on a bus in memory, with fake agents; and what the log says afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import msgspec

from libs.blobs.memory import MemoryBlobs
from libs.bus.memory import MemoryBus
from libs.bus.port import Bus, CaughtUp, Stored
from libs.contracts import envelope, subjects
from libs.contracts.attempt import AttemptEvent
from libs.contracts.blobs import BlobRef
from libs.contracts.commands import CancelRun, RerunRun, RunCommand
from libs.contracts.ids import Cause, CommandId, RunId, commit_id
from libs.contracts.plan import Plan
from libs.contracts.run import RunEvent, RunFinished, RunPlanned
from libs.process import Process
from libs.settings import read_settings
from libs.telemetry.metrics import Metrics
from services.scheduler.__main__ import serve
from services.scheduler.policy import SERVICE, Policy
from tests.e2e.scheduler.fake_agent import FakeAgent

_runs = msgspec.json.Decoder(RunEvent)
_attempts = msgspec.json.Decoder(AttemptEvent)


class World:
    def __init__(self, bus: Bus | None = None, blobs: MemoryBlobs | None = None) -> None:
        self.bus: Bus = bus or MemoryBus()
        self.blobs = blobs or MemoryBlobs()
        self.metrics = Metrics()
        self.tasks: list[asyncio.Task[None]] = []

    def process(self, *, lease: bool = True, metrics: bool = False, secrets_key: str = "", **settings: str) -> Process:
        environment = {
            **settings,
            "FIREBREAK_SECRETS_KEY": secrets_key,
            "HOME": "/nowhere",
            "FIREBREAK_SCHEDULER_LEASE": str(lease),
        }
        if metrics:
            environment["FIREBREAK_METRICS_PORT"] = "1"  # not opened here: only the entry point serves it
        return Process(read_settings(environment), self.bus, self.blobs, self.metrics)

    def start_scheduler(
        self,
        *,
        lease: bool = True,
        policy: Policy = SERVICE,
        metrics: bool = False,
        secrets_key: str = "",
        **settings: str,
    ) -> asyncio.Task[None]:
        process = self.process(lease=lease, metrics=metrics, secrets_key=secrets_key, **settings)
        task = asyncio.create_task(serve(process, policy))
        self.tasks.append(task)
        return task

    async def start_agent(self, agent: FakeAgent, **fields: object) -> FakeAgent:
        await agent.join(**fields)
        self.tasks.append(asyncio.create_task(agent.run()))
        return agent

    async def plan(self, plan: Plan, *, blob: BlobRef | None = None) -> RunId:
        repository = plan.repository
        subject = subjects.run(repository.owner, repository.name, plan.run_id)
        event = RunPlanned(None if blob else plan, blob)
        commit = envelope.commit(
            id=commit_id(subject, "planned"),
            source="parser",
            subject=subject,
            cause=Cause("guid"),
            now=datetime.now(UTC),
            events=[event],
        )
        await self.bus.append(commit, expected=0)
        return plan.run_id

    async def command(self, command: RunCommand, message_id: str = "") -> None:
        subject = subjects.run_command(command.run_id)
        await self.bus.enqueue(subject, envelope.encode(command), message_id=message_id or command.id)

    async def cancel(self, run_id: RunId, id: str = "c1") -> None:
        await self.command(CancelRun(CommandId(id), run_id, "octocat"))

    async def rerun(self, run_id: RunId, id: str = "r1") -> None:
        await self.command(RerunRun(CommandId(id), run_id, "octocat"))

    async def until_over(self, run_id: RunId, run_attempt: int = 1, seconds: float = 10) -> RunFinished:
        async def wait() -> RunFinished:
            tail = self.bus.tail(subjects.EVENTS, (subjects.any_run(run_id),), 0)
            async for message in tail:
                if isinstance(message, CaughtUp):
                    continue
                for event in run_events(message):
                    if isinstance(event, RunFinished) and event.run_attempt == run_attempt:
                        return event
            raise AssertionError("the tail ended")

        return await asyncio.wait_for(wait(), seconds)

    async def events(self, run_id: RunId) -> list[RunEvent]:
        return [event for stored in await self.bus.load(subjects.any_run(run_id)) for event in run_events(stored)]

    async def attempts(self, run_id: RunId) -> dict[str, list[AttemptEvent]]:
        found: dict[str, list[AttemptEvent]] = {}
        for stored in await self.bus.load(subjects.attempts_of_run(run_id)):
            events = [_attempts.decode(event) for event in envelope.decode_commit(stored.data).events]
            found.setdefault(stored.subject, []).extend(events)
        return found

    async def until(self, condition: object, seconds: float = 10) -> None:
        async def wait() -> None:
            while not await condition():
                await asyncio.sleep(0.02)

        await asyncio.wait_for(wait(), seconds)

    async def stop(self) -> None:
        for task in self.tasks:
            task.cancel()
        results = await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.bus.close()
        errors = [error for error in results if isinstance(error, Exception)]
        if errors:
            raise errors[0]


def run_events(stored: Stored) -> list[RunEvent]:
    return [_runs.decode(event) for event in envelope.decode_commit(stored.data).events]


@asynccontextmanager
async def world(**fields: object) -> AsyncIterator[World]:
    made = World(**fields)
    try:
        yield made
    finally:
        await made.stop()


def types(events: list[object]) -> list[str]:
    return [type(event).__name__ for event in events]
