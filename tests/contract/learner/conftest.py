"""A learner's folder, and a log to fill it from, without a process."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from libs.analytics.snapshot import ask
from libs.bus.memory import MemoryBus
from libs.bus.port import CaughtUp
from services.learner.folding.fold import fold
from services.learner.reading import FILTERS
from services.learner.store.batch import Batch
from services.learner.store.database import Database
from services.learner.store.library import Library
from tests.contract.learner.kept import Kept
from tests.contract.learner.story import tell
from tests.fakes.history import History


class Learned:
    """`learn` folds what is new on the bus, as one batch; `rows` asks a snapshot of it."""

    def __init__(self, folder: Path) -> None:
        self.bus = MemoryBus()
        self.history = History(self.bus)
        self.library = Library(folder)
        folder.mkdir()
        self.aside: list[str] = []
        self.database: Database = self.library.open(self.aside.append)

    async def learn(self) -> None:
        batch = Batch()
        positions = self.database.positions()
        for stream, filters in FILTERS.items():
            async for message in self.bus.tail(stream, filters, positions.get(stream, 0), follow=False):
                if not isinstance(message, CaughtUp):
                    batch.add(stream, message, fold(message))
        self.database.write(batch)
        self.library.publish(self.database)

    def rows(self, query: str) -> list[Any]:
        with ask(self.library.folder, query) as answer:
            return list(answer.rows)


@pytest.fixture
def learned(tmp_path: Path) -> Generator[Learned]:
    one = Learned(tmp_path / "analytics")
    yield one
    one.database.close()


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path / "archive")


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a snapshot of the whole story, as the learner publishes it."""
    learned = Learned(tmp_path_factory.mktemp("learned") / "analytics")

    async def learn() -> None:
        await tell(learned.history)
        await learned.learn()

    asyncio.run(learn())
    learned.database.close()
    return learned.library.folder
