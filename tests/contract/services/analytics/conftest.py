"""The endpoint as the process that `up` starts, on a snapshot that a learner published."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from libs.analytics.snapshot import FOLDER
from services.learner.store.library import Library

READY_SECONDS = 60.0
ANSWER_SECONDS = 60.0
"""For the slowest machine; the endpoint's own limit is one second here."""


@dataclass(frozen=True)
class Endpoint:
    home: Path
    process: subprocess.Popen[bytes]
    client: httpx.Client

    def ask(self, query: str, form: str = "json", **parameters: str) -> httpx.Response:
        return self.client.post("/sql", content=query.encode(), params={"format": form, **parameters})

    def lives(self) -> bool:
        return self.process.poll() is None and self.ask("SELECT 42 AS x").json() == [{"x": 42}]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with one published snapshot."""
    folder = tmp_path_factory.mktemp("home") / FOLDER
    folder.mkdir()
    publish(folder)
    return folder.parent


def publish(folder: Path) -> Path:
    library = Library(folder)
    database = library.open(print)
    try:
        return library.publish(database)
    finally:
        database.close()


@pytest.fixture(scope="module")
def endpoint(home: Path) -> Generator[Endpoint]:
    with listening(home) as one:
        yield one


@contextmanager
def listening(home: Path, **settings: str) -> Generator[Endpoint]:
    port = _free_port()
    environment = {
        "HOME": str(home),
        "FIREBREAK_HOME": str(home),
        "FIREBREAK_ANALYTICS_PORT": str(port),
        "FIREBREAK_ANALYTICS_SECONDS": "1",
        **settings,
    }
    with (home / "analytics.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "services.analytics"], env=environment, stderr=log)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=ANSWER_SECONDS) as client:
            _until_it_answers(client)
            yield Endpoint(home, process, client)
    finally:
        process.terminate()
        assert process.wait(20) == 0


def _until_it_answers(client: httpx.Client) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            assert client.get("/healthz").status_code == 200
            return
        except httpx.TransportError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
