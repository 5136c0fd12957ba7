"""Takes messages in hand: a delivery or a trigger command becomes an intake, and a broken one fails in plain words."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from libs.blobs.port import BlobMissing, Blobs
from libs.bus.port import Bus, BusDown, Consumer, Message, Poison
from libs.contracts import subjects
from libs.contracts.commands import (
    TriggerCommand,
    TriggerDispatch,
    TriggerFollowers,
    TriggerSchedule,
    TriggerTrial,
    TriggerWorkflow,
)
from libs.contracts.delivery import DeliveryReceived
from libs.contracts.envelope import decode_commit
from libs.contracts.ids import Cause, token
from libs.contracts.intake import DeliveryIgnored, IntakeFailed, RunsPlanned
from libs.github.payload import BadPayload, Event, read_event
from libs.telemetry import log
from services.parser.commanded import event_of, meaning_of_command
from services.parser.following import meaning_of_following
from services.parser.intake import INTAKE_SECONDS, Intake
from services.parser.journal import Ended, Journal, Terminal
from services.parser.meaning import Meaning
from services.parser.metrics import Counts
from services.parser.relevance import meaning_of
from services.parser.sealing import Origin
from services.parser.trials import meaning_of_trial

ATTEMPTS = 3
"""Of a handling that ends in an error which nobody foresaw; after the last one the intake fails and says so."""
CONCURRENCY = 32
"""Deliveries in hand at once: a repository that is slow to fetch holds up no other."""
DELIVERIES = Consumer(
    subjects.DELIVERIES,
    "parser",
    (subjects.ALL_DELIVERIES,),
    ack_wait_seconds=INTAKE_SECONDS * 2,
    attempts=ATTEMPTS,
    concurrency=CONCURRENCY,
)
TRIGGERS = Consumer(
    subjects.COMMANDS,
    "parser",
    (subjects.ALL_TRIGGERS,),
    ack_wait_seconds=INTAKE_SECONDS * 2,
    attempts=ATTEMPTS,
    concurrency=CONCURRENCY,
)
MAX_PAYLOAD_BYTES = 25 * 1024 * 1024
"""What ingress lets in; compressed bytes that grow beyond it are not of its making."""
THREAD_BYTES = 256 * 1024

_log = log.get("parser")


class Unreadable(Exception):
    """A delivery whose body cannot be had."""


@dataclass(frozen=True)
class Parser:
    """`now` is the wall clock."""

    bus: Bus
    blobs: Blobs
    intake: Intake
    counts: Counts
    now: Callable[[], datetime]
    local: bool = False
    """Deliveries are what a person made up for a local run, and may be events that GitHub sends to nobody."""

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.bus.consume(DELIVERIES, self.delivered))
            tasks.create_task(self.bus.consume(TRIGGERS, self.triggered))

    async def delivered(self, message: Message) -> None:
        """Raises Poison for what is no delivery: ingress alone writes here, so that is a bug or somebody else."""
        try:
            commit = decode_commit(message.stored.data)
            delivery = msgspec.json.decode(commit.events[0], type=DeliveryReceived)
        except (msgspec.DecodeError, IndexError) as error:
            raise Poison(f"{message.stored.subject} is no delivery: {error}") from None

        async def work(journal: Journal) -> Terminal:
            return await self._deliver(delivery, journal)

        await self._guarded(message, delivery.event, Cause(delivery.guid), "", work)

    async def triggered(self, message: Message) -> None:
        """Raises Poison for what is no command."""
        try:
            command = msgspec.json.decode(message.stored.data, type=TriggerCommand)
            if "." in command.id:
                raise ValueError(f"{command.id[:100]!r} cannot be a part of a subject")
            token(command.id)
        except (msgspec.DecodeError, ValueError) as error:
            raise Poison(f"{message.stored.subject} is no command to start a workflow: {error}") from None

        name = event_of(command)

        async def work(journal: Journal) -> Terminal:
            return await self.intake.take(name, await self._meaning(command), journal)

        by = "" if isinstance(command, TriggerFollowers | TriggerTrial) else command.by
        await self._guarded(message, name, Cause(command.id), by, work)

    async def _meaning(self, command: TriggerCommand) -> Meaning:
        match command:
            case TriggerFollowers():
                return await meaning_of_following(command, self.bus, self.blobs)
            case TriggerTrial():
                return await meaning_of_trial(command, self.bus, self.blobs)
            case TriggerWorkflow() | TriggerSchedule() | TriggerDispatch():
                return meaning_of_command(command, self.now())

    async def _guarded(
        self, message: Message, event: str, cause: Cause, actor: str, work: Callable[[Journal], Awaitable[Terminal]]
    ) -> None:
        """Whatever happens, the intake ends: at the last attempt an error of ours is its end."""
        journal = Journal(self.bus, self.blobs, Origin(cause, actor, self.now(), message.stored.time))
        try:
            await journal.begin()
            end = await work(journal)
        except Ended:
            return
        except BusDown:
            raise
        except Exception as error:
            if message.attempt < ATTEMPTS:
                raise
            end = IntakeFailed(event, f"an error of Firebreak's own, {type(error).__name__}: {str(error)[:500]}")
            await _end(journal, end)
        self._tell(cause, end)

    async def _deliver(self, delivery: DeliveryReceived, journal: Journal) -> Terminal:
        try:
            event = await self._read(delivery)
        except (BadPayload, Unreadable) as error:
            end = IntakeFailed(delivery.event, str(error))
            await journal.end(end)
            return end
        journal.origin = replace(journal.origin, actor=event.sender.login)
        return await self.intake.take(delivery.event, meaning_of(event, local=self.local), journal)

    async def _read(self, delivery: DeliveryReceived) -> Event:
        """Raises BadPayload, Unreadable."""
        try:
            blob = delivery.body_blob
            compressed = delivery.body if blob is None else await self.blobs.get(blob)
            if compressed is None:
                raise Unreadable("the delivery was stored without its body")
            if delivery.size < THREAD_BYTES:
                return _event(delivery.event, compressed)
            return await asyncio.to_thread(_event, delivery.event, compressed)
        except BlobMissing as error:
            raise Unreadable(f"the delivery's body is gone: {error}") from None
        except zlib.error as error:
            raise Unreadable(f"the delivery's body is damaged: {error}") from None

    def _tell(self, cause: Cause, end: Terminal) -> None:
        self.counts.ended(type(end).__name__)
        match end:
            case DeliveryIgnored(event, why, repository):
                _log.info("ignored", cause=cause, github_event=event, repository=repository, why=why)
            case IntakeFailed(event, why, repository):
                _log.warning("failed", cause=cause, github_event=event, repository=repository, why=why)
            case RunsPlanned(repository, sha, event, runs):
                _log.info("planned", cause=cause, github_event=event, repository=repository, sha=sha, runs=len(runs))


async def _end(journal: Journal, end: IntakeFailed) -> None:
    try:
        await journal.end(end)
    except Ended:
        return


def _event(name: str, compressed: bytes) -> Event:
    unpacker = zlib.decompressobj()
    body = unpacker.decompress(compressed, MAX_PAYLOAD_BYTES + 1)
    if not unpacker.eof:
        raise Unreadable(f"the delivery's body is cut off, or over {MAX_PAYLOAD_BYTES} bytes")
    return read_event(name, body)
