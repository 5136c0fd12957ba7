"""Parser, scheduler and agent in this process, on the in-memory bus: what a local run runs on."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import zlib
from collections.abc import AsyncGenerator, Awaitable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from libs.blobs.memory import MemoryBlobs
from libs.bus.memory import MemoryBus
from libs.contracts import subjects
from libs.contracts.commands import TriggerWorkflow
from libs.contracts.delivery import DeliveryReceived
from libs.contracts.envelope import commit, encode
from libs.contracts.ids import Cause, DeliveryGuid, HostId, commit_id
from libs.contracts.plan import JsonObject
from libs.github.directory import Directory
from libs.github.mirror import Mirrors, open_mirrors
from libs.github.sources import MirrorSources
from libs.process import Process
from libs.settings import DriverName, Settings
from services.cli.local.actions import LocalActions
from services.cli.local.adjusting import Choice
from services.cli.local.repositories import LocalRepositories
from services.cli.local.sources import LocalSources
from services.parser.__main__ import parser
from services.scheduler.__main__ import serve as schedule
from services.scheduler.policy import LOCAL
from services.vm_agent.__main__ import Options
from services.vm_agent.__main__ import serve as run_jobs

OFFERED = ("self-hosted", "linux", "x64", "ubuntu-*")
"""The labels of a local run; each `--label` joins them."""


@dataclass(frozen=True, slots=True)
class Local:
    """What a local run is given."""

    directory: Directory
    choice: Choice
    driver: DriverName
    labels: tuple[str, ...] = ()
    vars: Mapping[str, str] | None = None
    secrets: Mapping[str, str] | None = None
    actions_from: Path | None = None
    """Clones of other repositories, at `owner/name`."""


@asynccontextmanager
async def parsing(local: Local, settings: Settings) -> AsyncGenerator[Process]:
    """The parser alone: what a dry run needs."""
    process = Process(settings, MemoryBus(), MemoryBlobs())
    others = _others(local, settings)
    repositories = LocalRepositories(local.directory, others)
    made = parser(process, repositories, vars=dict(local.vars or {}), adjust=local.choice.adjust, local=True)
    try:
        async with _alive(made.run()):
            yield process
    finally:
        await others.close()


def _others(local: Local, settings: Settings) -> Mirrors:
    """Every repository but the directory's, by its name."""
    offered = local.actions_from or next(iter(settings.actions_from), None)
    return open_mirrors(replace(settings, repository_path=offered, clone_private=True))


@asynccontextmanager
async def running(local: Local, given: Settings) -> AsyncGenerator[Process]:
    """All three; everything that they made on this machine is gone at the exit."""
    with tempfile.TemporaryDirectory(prefix="firebreak-run-") as home:
        settings = replace(
            given,
            home=Path(home),
            host_id=HostId("local"),
            driver=local.driver,
            labels=(*OFFERED, *local.labels),
            pool=(),
        )
        async with parsing(local, settings) as process:
            secrets = dict(local.secrets or {})
            actions = LocalActions(given, local.actions_from)
            others = MirrorSources(_others(local, settings))
            sources = LocalSources(local.directory, others)
            options = Options(sources=sources, actions=actions, seals=bool(secrets), watched=False, keeps=False)
            async with (
                contextlib.aclosing(actions),
                _closing(others),
                _alive(run_jobs(process, options), schedule(process, LOCAL, secrets)),
            ):
                yield process


@asynccontextmanager
async def _closing(sources: MirrorSources) -> AsyncGenerator[None]:
    try:
        yield
    finally:
        await sources.close()


@asynccontextmanager
async def _alive(*services: Awaitable[None]) -> AsyncGenerator[None]:
    """Runs services beside the body; one that dies takes the body with it."""
    body = asyncio.current_task()
    assert body is not None
    tasks = [asyncio.ensure_future(service) for service in services]
    died: list[BaseException] = []

    def ended(task: asyncio.Future[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            died.append(error)
            body.cancel()

    for task in tasks:
        task.add_done_callback(ended)
    try:
        yield
    except asyncio.CancelledError:
        if died:
            body.uncancel()
            raise died[0] from None
        raise
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def deliver(process: Process, guid: DeliveryGuid, event: str, payload: JsonObject) -> None:
    """Stores an event as ingress would have."""
    body = msgspec.json.encode(payload)
    received = DeliveryReceived(guid=guid, event=event, size=len(body), body=zlib.compress(body, 1))
    subject = subjects.delivery(guid)
    sealed = commit(
        id=commit_id(subject, guid),
        source="run",
        subject=subject,
        cause=Cause(guid),
        now=datetime.now(UTC),
        events=[received],
    )
    await process.bus.append(sealed, expected=0)


async def trigger(process: Process, command: TriggerWorkflow) -> None:
    await process.bus.enqueue(subjects.trigger_command(command.repository_id), encode(command), message_id=command.id)
