"""A parser, an in-memory bus and repositories, and GitHub's payloads: what the parser's tests have in common."""

from __future__ import annotations

import asyncio
import json
import zlib
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any
from uuid import UUID

import msgspec

from libs.blobs.memory import MemoryBlobs
from libs.bus.memory import MemoryBus
from libs.bus.port import Consumer, Message, Stored
from libs.contracts import subjects
from libs.contracts.commands import TriggerWorkflow
from libs.contracts.delivery import DeliveryReceived
from libs.contracts.envelope import Commit, commit, decode_commit, encode
from libs.contracts.ids import Cause, CommandId, CommitId, DeliveryGuid, RepositoryId
from libs.contracts.intake import IntakeEvent
from libs.contracts.numbering import RunNumbered
from libs.contracts.plan import Plan
from libs.contracts.run import RunEvent, RunPlanned
from libs.telemetry.metrics import Metrics
from services.parser.context import addresses
from services.parser.declarations import Declarations
from services.parser.deliveries import DELIVERIES, TRIGGERS, Parser
from services.parser.intake import Intake
from services.parser.metrics import counts
from services.parser.numbers import Numbers
from tests.unit.services.parser.repositories import MemoryRepositories

NOW = datetime(2026, 11, 1, tzinfo=UTC)
SHA = "6113728f27ae82c7b1a177c8d03f9e96e0adf246"
BEFORE = "f95f852bd8fca8fcc58a9a2d6c842781e32a215e"
ZERO = "0" * 40
WORKFLOW = """\
on: {event}
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - run: 'true'
"""
REPOSITORY: dict[str, Any] = {
    "id": 186853002,
    "name": "Hello-World",
    "full_name": "Codertocat/Hello-World",
    "owner": {"login": "Codertocat", "id": 21031067},
    "clone_url": "https://github.com/Codertocat/Hello-World.git",
    "default_branch": "main",
    "private": False,
}


def workflow(event: str = "push") -> str:
    return WORKFLOW.replace("{event}", event)


def push(**changes: Any) -> dict[str, Any]:
    return {
        "ref": "refs/heads/main",
        "before": BEFORE,
        "after": SHA,
        "created": False,
        "deleted": False,
        "forced": False,
        "head_commit": {"id": SHA, "message": "A change"},
        "commits": [{"id": SHA, "message": "A change"}],
        "repository": REPOSITORY,
        "sender": {"login": "octocat", "id": 583231},
    } | changes


def pull_request(head: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    return {
        "action": "opened",
        "number": 7,
        "pull_request": {
            "number": 7,
            "title": "Make it better",
            "head": {"ref": "topic", "sha": SHA, "repo": {"id": REPOSITORY["id"]}} | (head or {}),
            "base": {"ref": "main", "sha": BEFORE, "repo": {"id": REPOSITORY["id"]}},
        },
        "repository": REPOSITORY,
        "sender": {"login": "octocat", "id": 583231},
    } | changes


def guid(number: int = 1) -> DeliveryGuid:
    return DeliveryGuid(str(UUID(int=number)))


class FragileBus(MemoryBus):
    """It breaks down once, at the append of that number (from 1), before or after it is stored."""

    def __init__(self, breaks_at: int = 0, after: bool = False) -> None:
        super().__init__()
        self.appends, self.breaks_at, self.after = 0, breaks_at, after

    async def append(self, commit: Commit, *, expected: int | None) -> int:
        self.appends += 1
        if self.appends != self.breaks_at:
            return await super().append(commit, expected=expected)
        if self.after:
            await super().append(commit, expected=expected)
        raise RuntimeError("the process dies here")


class DawdlingBus(MemoryBus):
    """Before each append it lets others go first, a few times or not, by the seed."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.dice = Random(seed)

    async def append(self, commit: Commit, *, expected: int | None) -> int:
        for _ in range(self.dice.randrange(4)):
            await asyncio.sleep(0)
        return await super().append(commit, expected=expected)


@dataclass(frozen=True)
class InHand:
    """A message as a consumer hands it out."""

    stored: Stored
    attempt: int = 1

    async def in_progress(self) -> None: ...


@dataclass
class World:
    bus: MemoryBus = field(default_factory=MemoryBus)
    blobs: MemoryBlobs = field(default_factory=MemoryBlobs)
    repositories: MemoryRepositories = field(default_factory=MemoryRepositories)

    def parser(self) -> Parser:
        """A new process: nothing remembered."""
        where = addresses("https://api.github.com")
        intake = Intake(self.repositories, Numbers(self.bus), where, declarations=Declarations(self.bus))
        return Parser(self.bus, self.blobs, intake, counts(Metrics()), lambda: NOW)

    async def deliver(self, name: str, payload: object, number: int = 1, body: bytes | None = None) -> DeliveryGuid:
        """Stores a delivery as ingress does, without handling it."""
        text = json.dumps(payload).encode()
        compressed = zlib.compress(text) if body is None else body
        await self.store(DeliveryReceived(guid(number), name, len(text), compressed))
        return guid(number)

    async def store(self, delivery: DeliveryReceived) -> None:
        subject = subjects.delivery(delivery.guid)
        stored = commit(
            id=CommitId(delivery.guid),
            source="ingress",
            subject=subject,
            cause=Cause(delivery.guid),
            now=NOW,
            events=[delivery],
        )
        await self.bus.append(stored, expected=0)

    async def trigger(self, **changes: Any) -> CommandId:
        values: dict[str, Any] = {
            "id": CommandId("command-1"),
            "repository_id": RepositoryId(REPOSITORY["id"]),
            "repository": REPOSITORY["full_name"],
            "workflow": "a.yml",
            "ref": "main",
            "by": "octocat",
        }
        command = TriggerWorkflow(**(values | changes))
        subject = subjects.trigger_command(command.repository_id)
        await self.bus.enqueue(subject, encode(command), message_id=command.id)
        return command.id

    async def handled(self, parser: Parser | None = None, *, times: int = 1, consumer: Consumer = DELIVERIES) -> None:
        """Lets a parser consume until that many messages were handled to their end."""
        worker = parser or self.parser()
        handle = worker.delivered if consumer is DELIVERIES else worker.triggered
        done = asyncio.Event()
        count = 0

        async def counting(message: Message) -> None:
            nonlocal count
            await handle(message)
            count += 1
            if count == times:
                done.set()

        task = asyncio.create_task(self.bus.consume(consumer, counting))
        try:
            async with asyncio.timeout(10):
                await done.wait()
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def hand_out(self, subject: str = "raw.delivery.*", attempt: int = 1) -> None:
        """To a new parser, once, without a consumer around it."""
        (stored,) = await self.bus.load(subject)
        worker = self.parser()
        handle = worker.delivered if subject.startswith("raw.") else worker.triggered
        await handle(InHand(stored, attempt))

    async def handled_commands(self) -> None:
        await self.handled(consumer=TRIGGERS)

    async def intake(self, cause: str | None = None) -> list[IntakeEvent]:
        return await self._events(subjects.intake(cause or guid()), IntakeEvent)

    async def numbers(self) -> list[RunNumbered]:
        return await self._events("ev.workflow.>", RunNumbered)

    async def plans(self) -> list[Plan]:
        events = await self._events("ev.run.>", RunEvent)
        return [await self._plan(event) for event in events if isinstance(event, RunPlanned)]

    async def _plan(self, event: RunPlanned) -> Plan:
        if event.plan is not None:
            return event.plan
        assert event.plan_blob is not None
        return msgspec.json.decode(await self.blobs.get(event.plan_blob), type=Plan)

    async def _events(self, subject: str, kind: Any) -> list[Any]:
        commits = [decode_commit(stored.data) for stored in await self.bus.load(subject)]
        return [msgspec.json.decode(event, type=kind) for sealed in commits for event in sealed.events]
