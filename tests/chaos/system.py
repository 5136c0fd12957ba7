"""The whole system as real processes, as `firebreak up` starts it, with a repository of its own, and what must hold of
its log whatever was killed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import httpx
import msgspec

from libs.bus.jetstream import connect
from libs.bus.port import Bus, Stored
from libs.bus.server import NatsServer
from libs.contracts import subjects
from libs.contracts.attempt import (
    AttemptEvent,
    AttemptFinished,
    AttemptLost,
    AttemptStarted,
    StepFinished,
    StepStarted,
)
from libs.contracts.envelope import decode_commit
from libs.contracts.ids import HostId, RunId
from libs.contracts.run import RunEvent, RunFinished
from libs.github.signature import sign
from libs.views.run import RunView
from services.cli.demo.repository import NAME, OWNER, push_payload
from services.cli.up.machine import Machine, machine
from services.cli.watching import finished_run, planned_runs
from tests.chaos.services import ServiceProcess
from tests.repositories import WorkTree

SECRET = "correct horse battery staple"
FIRST_HOST = "first"
FINISH_SECONDS = 60.0
"""A run of a step of two seconds, on a machine that is busy with other things."""
RESTART_SECONDS = 20.0
POLL_SECONDS = 0.05

Event = TypeVar("Event")


@dataclass
class System:
    """`machine` runs; `folder` is this test's own; `bus` is our own connection to its NATS."""

    machine: Machine
    nats: NatsServer
    folder: Path
    bus: Bus
    settings: Mapping[str, str]
    repository: WorkTree
    base: str

    def workflow(self, text: str) -> dict[str, object]:
        """The push payload of a new commit whose only workflow is `text`."""
        after = self.repository.commit({".github/workflows/ci.yml": text})
        payload = push_payload(self.base, after)
        self.base = after
        return payload

    async def deliver(
        self, payload: Mapping[str, object], guid: str | None = None, ingress: str | None = None
    ) -> tuple[str, httpx.Response]:
        """A signed push; its GUID and the answer. A door that is just being started again is asked again."""
        given = guid or str(uuid4())
        body = json.dumps(payload).encode()
        headers = {
            "content-type": "application/json",
            "x-github-event": "push",
            "x-github-delivery": given,
            "x-hub-signature-256": sign(SECRET.encode(), body),
        }
        url = f"{ingress or self.machine.addresses.ingress}/webhook"
        async with httpx.AsyncClient(timeout=20) as client, asyncio.timeout(RESTART_SECONDS):
            while True:
                try:
                    return given, await client.post(url, content=body, headers=headers)
                except httpx.TransportError:
                    await asyncio.sleep(POLL_SECONDS)

    async def start(self, text: str) -> RunId:
        """Pushes a workflow; its run once it is planned."""
        guid, answer = await self.deliver(self.workflow(text))
        assert answer.status_code == 202, answer.text
        return await self.planned(guid)

    async def planned(self, guid: str) -> RunId:
        async with asyncio.timeout(FINISH_SECONDS):
            (run_id,) = (await planned_runs(self.bus, guid)).values()
        return run_id

    async def finished(self, run_id: RunId, seconds: float = FINISH_SECONDS) -> RunView:
        async with asyncio.timeout(seconds):
            return await finished_run(self.bus, run_id)

    async def until(self, run_id: RunId, kind: type[object], seconds: float = FINISH_SECONDS) -> str:
        """Waits until an event of this type is in the run's log or in its attempts'; the subject that it is on."""
        filters = (subjects.any_run(run_id), subjects.attempts_of_run(run_id))
        async with asyncio.timeout(seconds), aclosing(self.bus.tail(subjects.EVENTS, filters, 0)) as messages:
            async for message in messages:
                if isinstance(message, Stored) and any(isinstance(event, kind) for event in events_of(message)):
                    return message.subject
        raise AssertionError(f"the log ended without {kind.__name__}")

    async def events(self) -> dict[str, list[RunEvent | AttemptEvent]]:
        """Everything told of runs and attempts, by subject, oldest first."""
        found: dict[str, list[RunEvent | AttemptEvent]] = {}
        for pattern in (subjects.ALL_RUNS, subjects.ALL_ATTEMPTS):
            for stored in await self.bus.load(pattern):
                found.setdefault(stored.subject, []).extend(events_of(stored))
        return found

    async def kill(self, name: str) -> None:
        """`kill -9` of a service; returns when another process of it is there."""
        pid = self.machine.supervisor.pids()[name]
        os.kill(pid, signal.SIGKILL)
        async with asyncio.timeout(RESTART_SECONDS):
            while self.machine.supervisor.pids().get(name, pid) == pid:
                await asyncio.sleep(POLL_SECONDS)

    def another(self, name: str, **settings: str) -> ServiceProcess:
        """A second process of a service, with a home of its own; for an agent that is another host."""
        home = self.folder / f"another-{name}"
        shared = {"FIREBREAK_BLOBS": self.machine.settings.blobs_url}
        return ServiceProcess(name, self.machine.addresses.nats, home, {**self.settings, **shared, **settings})

    async def joined(self, host: str) -> None:
        """Waits until an agent has said that it is there."""
        async with asyncio.timeout(FINISH_SECONDS):
            while await self.bus.last(subjects.host(HostId(host))) is None:
                await asyncio.sleep(POLL_SECONDS)

    async def check(self) -> None:
        """What must hold whatever was killed."""
        log = await self.events()
        owners: dict[tuple[str, ...], list[str]] = {}
        for subject, events in log.items():
            if subject.startswith("ev.run."):
                attempts = [event.run_attempt for event in _all(events, RunFinished)]
                assert attempts == list(range(1, len(attempts) + 1)), f"{subject}: finished {attempts}"
                assert attempts, f"{subject} never finished"
            else:
                _check_attempt(subject, events)
                if _all(events, AttemptStarted):
                    _, _, host, _, _, *job = subject.split(".")
                    owners.setdefault(tuple(job), []).append(host)
        several = {job: hosts for job, hosts in owners.items() if len(hosts) > 1}
        assert not several, f"attempts with several owners: {several}"


def events_of(stored: Stored) -> list[RunEvent | AttemptEvent]:
    kinds = RunEvent if stored.subject.startswith("ev.run.") else AttemptEvent
    return [msgspec.json.decode(raw, type=kinds) for raw in decode_commit(stored.data).events]


def processes_with(mark: str) -> list[int]:
    """The living processes whose environment holds `mark`: those of one run's steps, whatever isolates them."""
    found: list[int] = []
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            try:
                if mark.encode() in (place / "environ").read_bytes():
                    found.append(int(place.name))
            except OSError:
                continue  # it ended meanwhile
    return found


async def begun(mark: str, seconds: float) -> list[int]:
    """Waits until there are processes of these."""
    async with asyncio.timeout(seconds):
        while not (found := processes_with(mark)):
            await asyncio.sleep(POLL_SECONDS)
    return found


async def gone(mark: str, seconds: float) -> None:
    """Waits until no process of these is left."""
    async with asyncio.timeout(seconds):
        while processes_with(mark):
            await asyncio.sleep(POLL_SECONDS)


@asynccontextmanager
async def whole_system(folder: Path, **settings: str) -> AsyncGenerator[System]:
    """Everything started inside, everything ended at the exit. NATS has a free port: several may run at once."""
    repository = WorkTree(folder / "repositories" / OWNER / NAME)
    given = {
        "FIREBREAK_DRIVER": "bubblewrap",
        "GITHUB_WEBHOOK_SECRET": SECRET,
        "MAX_CONCURRENT_WORKFLOWS": "4",
        "REPOSITORY_PATH": str(folder / "repositories"),
        **settings,
    }
    own = {
        "FIREBREAK_ANALYTICS_PORT": "0",
        "FIREBREAK_CONSOLE_PORT": "0",
        "FIREBREAK_HOME": str(folder / "home"),
        "FIREBREAK_HOST_ID": FIRST_HOST,
        "HOME": str(folder),
        "PATH": os.environ["PATH"],
        "PORT": "0",
    }
    async with AsyncExitStack() as stack:
        nats = NatsServer(folder / "nats", sync_always=settings.get("FIREBREAK_SYNC") == "always")
        await nats.start()
        stack.push_async_callback(nats.stop)
        running = await stack.enter_async_context(
            machine({**own, **given, "NATS_URL": nats.url}, folder / "services.log")
        )
        bus = await connect(nats.url, name="chaos")
        stack.push_async_callback(bus.close)
        yield System(running, nats, folder, bus, given, repository, repository.commit(message="Begin"))


def _check_attempt(subject: str, events: list[RunEvent | AttemptEvent]) -> None:
    assert len(_all(events, AttemptStarted)) <= 1, f"{subject}: started twice"
    for kind in (StepStarted, StepFinished):
        steps = [event.step for event in _all(events, kind)]
        assert len(steps) == len(set(steps)), f"{subject}: {kind.__name__} of {steps}"
    ends = [place for place, event in enumerate(events) if isinstance(event, AttemptFinished | AttemptLost)]
    assert ends in ([], [len(events) - 1]), f"{subject}: something follows its end"


def _all(events: list[RunEvent | AttemptEvent], kind: type[Event]) -> list[Event]:
    return [event for event in events if isinstance(event, kind)]
