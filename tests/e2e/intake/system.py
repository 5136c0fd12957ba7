"""Doors and parsers as they run, on one bus: real servers on free ports, signed requests, what came of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

import httpx
import msgspec

from libs.blobs.memory import MemoryBlobs
from libs.bus.port import Bus, CaughtUp, Stored
from libs.contracts import subjects
from libs.contracts.envelope import decode_commit
from libs.contracts.ids import DeliveryGuid, RunId
from libs.contracts.intake import IntakeEvent, WorkflowRejected
from libs.contracts.plan import Plan, Repository
from libs.contracts.run import RunPlanned
from libs.github.mirror import open_mirrors
from libs.github.signature import sign
from libs.process import Process
from libs.repositories import Base, Repositories, Resolved, WorkflowFile
from libs.settings import read_settings
from libs.web import serve_http
from services.ingress.__main__ import ingress
from services.parser.__main__ import parser

SECRET = "correct horse battery staple"
SENDING = 16
"""Requests under way at once; more would only wait for each other on two processors."""


@dataclass(frozen=True)
class EveryCommit:
    """Repositories in which every commit, and every branch, has these workflow files."""

    files: Mapping[str, bytes]
    sha: str = "5" * 40

    async def commit(self, repository: Repository, sha: str, hints: tuple[str, ...], seconds: float) -> EveryCommit:
        return replace(self, sha=sha)

    async def resolve(self, repository: Repository, ref: str, seconds: float) -> Resolved:
        return Resolved(self.sha, ref if ref.startswith("refs/") else f"refs/heads/{ref}")

    async def workflows(self) -> list[WorkflowFile]:
        return [WorkflowFile(f".github/workflows/{name}", content) for name, content in sorted(self.files.items())]

    async def workflow(self, path: str) -> WorkflowFile | None:
        return next((file for file in await self.workflows() if file.path == path), None)

    async def root_files(self) -> tuple[str, ...]:
        return ()

    async def message(self) -> str:
        return "A change"

    async def changed_paths(self, base: Base) -> tuple[str, ...] | None:
        return None


class System:
    """`clients` are one for each door."""

    def __init__(self, process: Process, clients: list[httpx.AsyncClient]) -> None:
        self.process, self.clients = process, clients
        self._sending = asyncio.Semaphore(SENDING)

    @property
    def bus(self) -> Bus:
        return self.process.bus

    async def send(
        self, event: str, payload: object, guid: str | None = None, *, door: int = 0
    ) -> tuple[str, httpx.Response]:
        """`payload` is bytes as they are, or what is to be JSON."""
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        given = guid or str(uuid4())
        headers = {
            "x-hub-signature-256": sign(SECRET.encode(), body),
            "x-github-event": event,
            "x-github-delivery": given,
            "content-type": "application/json",
        }
        async with self._sending:
            answer = await self.clients[door % len(self.clients)].post("/webhook", content=body, headers=headers)
        return given, answer

    async def ended(self, guids: set[str], seconds: float = 60) -> dict[str, list[IntakeEvent]]:
        """Waits until every one of these has an end, and gives all that was said of each."""
        waiting = set(guids)
        async with asyncio.timeout(seconds):
            tail = self.bus.tail(subjects.EVENTS, (subjects.ALL_INTAKES,), 0)
            try:
                async for stored in tail:
                    if not isinstance(stored, CaughtUp) and ends(stored):
                        waiting.discard(stored.subject.rpartition(".")[2])
                    if not waiting:
                        break
            finally:
                await tail.aclose()
        return {guid: await self.intake(guid) for guid in guids}

    async def intake(self, guid: str) -> list[IntakeEvent]:
        return [event for stored in await self.bus.load(subjects.intake(guid)) for event in intake_events(stored)]

    async def deliveries(self, guid: str) -> int:
        return len(await self.bus.load(subjects.delivery(DeliveryGuid(guid))))

    async def plan(self, run_id: RunId) -> Plan:
        (first, *_) = await self.bus.load(subjects.any_run(run_id))
        event = msgspec.json.decode(decode_commit(first.data).events[0], type=RunPlanned)
        assert event.plan is not None
        return event.plan

    async def runs(self) -> int:
        return len(await self.bus.load(subjects.ALL_RUNS))


def intake_events(stored: Stored) -> list[IntakeEvent]:
    return [msgspec.json.decode(event, type=IntakeEvent) for event in decode_commit(stored.data).events]


def ends(stored: Stored) -> bool:
    return any(not isinstance(event, WorkflowRejected) for event in intake_events(stored))


def settings_for(folder: Path, **environment: str) -> Mapping[str, str]:
    return {"FIREBREAK_HOME": str(folder), "GITHUB_WEBHOOK_SECRET": SECRET, **environment}


@asynccontextmanager
async def running(
    bus: Bus, settings: Mapping[str, str], repositories: Repositories | None = None, *, doors: int = 1, parsers: int = 1
) -> AsyncGenerator[System]:
    """Without `repositories`, mirrors, as the settings say."""
    process = Process(read_settings(settings), bus, MemoryBlobs())
    mirrors = open_mirrors(process.settings)
    async with asyncio.TaskGroup() as tasks:
        ports = [asyncio.get_running_loop().create_future() for _ in range(doors)]
        started = [
            tasks.create_task(
                serve_http(ingress(_alone(process), SECRET.encode()), "127.0.0.1", 0, ready=port.set_result)
            )
            for port in ports
        ]
        started += [tasks.create_task(parser(_alone(process), repositories or mirrors).run()) for _ in range(parsers)]
        clients = [httpx.AsyncClient(base_url=f"http://127.0.0.1:{await port}", timeout=30) for port in ports]
        try:
            yield System(process, clients)
        finally:
            for client in clients:
                await client.aclose()
            for task in started:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            await mirrors.close()


def _alone(process: Process) -> Process:
    """The same bus and blobs as seen by another process: with metrics of its own."""
    return Process(process.settings, process.bus, process.blobs)
