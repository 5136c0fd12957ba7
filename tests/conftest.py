"""What several suites share: a real NATS server, and the bus in both of its forms."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import cast

import pytest

from libs.bus.jetstream import JetStreamBus, connect
from libs.bus.memory import MemoryBus
from libs.bus.port import Bus
from libs.bus.server import NatsServer
from libs.bus.streams import prepare

NO_SKIPS = "NO_SKIPS"
"""Set by .ci/run, whose machine has everything: there a skipped test is a test that somebody lost."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    if os.environ.get(NO_SKIPS) and skipped:
        terminalreporter.write_line(f"{len(skipped)} tests were skipped, and this machine can run them all", red=True)


def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get(NO_SKIPS) and reporter is not None and reporter.stats.get("skipped") and session.exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture
async def nats_server(tmp_path: Path) -> AsyncGenerator[NatsServer]:
    """A server of this test's own, with an empty store: it is ready in some 30 ms, and nothing has to be cleaned."""
    server = NatsServer(tmp_path / "nats")
    await server.start()
    try:
        yield server
    finally:
        await server.kill()


@pytest.fixture
async def jetstream_bus(nats_server: NatsServer) -> AsyncGenerator[JetStreamBus]:
    bus = await connect(nats_server.url, name="test")
    await prepare(bus)
    try:
        yield bus
    finally:
        await bus.close()


@pytest.fixture(params=["memory", "jetstream"])
async def bus(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Bus]:
    """The bus in both of its forms, one after the other."""
    if cast(str, request.param) == "memory":
        memory = MemoryBus()
        yield memory
        await memory.close()
        return
    server = NatsServer(tmp_path / "nats")
    await server.start()
    try:
        real = await connect(server.url, name="test")
        await prepare(real)
        yield real
        await real.close()
    finally:
        await server.kill()
