"""The reporter's process killed between its POST and its event, on a real NATS: GitHub hears nothing twice."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import pytest

from libs.bus.port import Bus
from libs.bus.server import NatsServer
from libs.contracts import subjects
from tests.chaos.services import ServiceProcess
from tests.fakes.github import FakeGitHub
from tests.fakes.history import SHA, History, OneRun

TOKEN = "ghp_test"


@pytest.fixture
async def github() -> AsyncGenerator[FakeGitHub]:
    async with FakeGitHub().serving() as server:
        server.add_token(TOKEN, "firebreak-bot")
        server.add_repository("Octo/hello.world", commits=(SHA,), issues=(3,))
        yield server


def reporter(nats: NatsServer, home: Path, github: FakeGitHub) -> ServiceProcess:
    return ServiceProcess("reporter", nats.url, home, {"GITHUB_TOKEN": TOKEN, "GITHUB_API_URL": github.url})


@pytest.mark.parametrize("pattern", ["POST .*/statuses/", "POST .*/comments"])
async def test_killed_between_the_post_and_its_event(
    nats_server: NatsServer, jetstream_bus: Bus, tmp_path: Path, github: FakeGitHub, pattern: str
) -> None:
    await History(jetstream_bus).one_run(pull_request=3).whole(("a", "b"))
    fault = github.fault(pattern, "after", "hang")
    async with reporter(nats_server, tmp_path, github) as process:
        await asyncio.wait_for(fault.hit.wait(), 30)
        process.kill()
    async with reporter(nats_server, tmp_path, github) as process:
        await _until(lambda: len(_statuses(github)) >= 2 and _comments(github))
        await _reported(jetstream_bus, 3)
        assert await process.stopped() == 0
    assert sorted(_statuses(github)) == [("firebreak / CI / a", "success"), ("firebreak / CI / b", "success")]
    assert len(_comments(github)) == 1


async def test_killed_at_any_moment(
    nats_server: NatsServer, jetstream_bus: Bus, tmp_path: Path, github: FakeGitHub, chaos_long: bool
) -> None:
    chance = random.Random(3)
    one = History(jetstream_bus).one_run(pull_request=3)
    jobs = tuple(f"job-{number}" for number in range(200 if chaos_long else 40))
    writing = asyncio.create_task(_slowly(one, jobs))
    for _ in range(10 if chaos_long else 2):
        async with reporter(nats_server, tmp_path, github) as process:
            before = len(github.writes())
            await _until(lambda before=before: len(github.writes()) > before)
            await asyncio.sleep(chance.uniform(0, 0.3))
            process.kill()
    await writing
    async with reporter(nats_server, tmp_path, github) as process:
        await _until(lambda: len({context for context, state in _statuses(github) if state == "success"}) == len(jobs))
        await _until(lambda: _comments(github) and "succeeded" in _comments(github)[0])
        assert await process.stopped() == 0
    assert len(_statuses(github)) == len(set(_statuses(github)))
    assert len(_comments(github)) == 1


async def _slowly(run: OneRun, jobs: tuple[str, ...]) -> None:
    """Longer than the reporters live, slow enough for GitHub's limits."""
    await run.planned()
    for job in jobs:
        await run.queued(job)
        await run.started(job)
        await run.step(job, 0, "Run true")
        await run.finished(job)
        await asyncio.sleep(0.3)
    await run.over()


def _statuses(github: FakeGitHub) -> list[tuple[str, str]]:
    statuses = github.state.repositories["Octo/hello.world"].statuses.get(SHA, [])
    return [(status["context"], status["state"]) for status in statuses]


def _comments(github: FakeGitHub) -> list[str]:
    return [comment["body"] for comment in github.state.repositories["Octo/hello.world"].comments.values()]


async def _until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.05)


async def _reported(bus: Bus, events: int) -> None:
    """What was posted is in the log, too."""
    async with asyncio.timeout(60):
        while len(await bus.load(subjects.ALL_REPORTS)) < events:
            await asyncio.sleep(0.05)
