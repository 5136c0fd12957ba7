"""A reporter as a task, on the bus in memory, against a GitHub that enforces the real one's rules."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from libs.blobs.memory import MemoryBlobs
from libs.bus.memory import MemoryBus
from libs.process import Process
from libs.settings import read_settings
from services.reporter.__main__ import serve
from tests.fakes.github import FakeGitHub
from tests.fakes.history import SHA, History

TOKEN = "ghp_test"
PUBLIC_URL = "https://ci.example"


class Stage:
    def __init__(self, github: FakeGitHub, home: Path) -> None:
        self.github, self.bus, self.blobs = github, MemoryBus(), MemoryBlobs()
        self.history = History(self.bus)
        self._home = home
        self.repository = github.add_repository(self.history.full_name, commits=(SHA,), issues=(3,))
        github.add_token(TOKEN, "firebreak-bot")

    def process(self, token: str = TOKEN) -> Process:
        environment = {
            "FIREBREAK_HOME": str(self._home),
            "GITHUB_TOKEN": token,
            "GITHUB_API_URL": self.github.url,
            "FIREBREAK_PUBLIC_URL": PUBLIC_URL,
        }
        return Process(read_settings(environment), self.bus, self.blobs)

    @asynccontextmanager
    async def reporter(self, token: str = TOKEN) -> AsyncGenerator[asyncio.Task[None]]:
        task = asyncio.create_task(serve(self.process(token)))
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def until(self, condition: Callable[[], object], seconds: float = 5.0) -> None:
        """Waits for the other side of a socket; a rule that does not hold fails here, with what was asked."""
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.01)

    def states(self) -> dict[str, str]:
        return {status["context"]: status["state"] for status in self.repository.statuses.get(SHA, [])}

    def comments(self) -> list[str]:
        return [comment["body"] for comment in self.repository.comments.values()]


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncGenerator[Stage]:
    async with FakeGitHub().serving() as github:
        yield Stage(github, tmp_path)
