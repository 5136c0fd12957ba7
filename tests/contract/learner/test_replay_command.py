"""`firebreak events replay --into analytics`, beside a learner that runs and without one."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from libs.analytics.snapshot import FOLDER, NoSnapshot, ask
from libs.bus.port import Bus
from libs.bus.server import NatsServer
from tests.chaos.services import ROOT, ServiceProcess
from tests.fakes.contents import contents
from tests.fakes.history import History


class Installed:
    def __init__(self, server: NatsServer, home: Path) -> None:
        self.server, self.home = server, home

    async def firebreak(self, *arguments: str) -> tuple[int, str, str]:
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.home), "FIREBREAK_HOME": str(self.home)}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "services.cli", *arguments),
            cwd=ROOT,
            env={**environment, "NATS_URL": self.server.url},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(60):
            out, err = await process.communicate()
        return process.returncode or 0, out.decode(), err.decode()

    async def runs(self, count: int) -> None:
        """Until a snapshot shows so many."""
        async with asyncio.timeout(60):
            while self._runs() != count:
                await asyncio.sleep(0.05)

    def _runs(self) -> int:
        try:
            with ask(self.home / FOLDER, "SELECT count(*) FROM runs") as answer:
                return int(str(next(answer.rows)[0]))
        except NoSnapshot:
            return -1

    @property
    def live(self) -> Path:
        (path,) = (self.home / FOLDER).glob("live-v*.duckdb")
        return path


async def test_without_a_learner_the_command_puts_the_new_file_in_place(
    nats_server: NatsServer, jetstream_bus: Bus, tmp_path: Path
) -> None:
    await History(jetstream_bus).one_run(1).whole()
    installed = Installed(nats_server, tmp_path / "home")
    code, out, err = await installed.firebreak("events", "replay", "--into", "analytics", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out.splitlines()[-1])["positions"] == {"EVENTS": 9}
    await installed.runs(1)


async def test_a_learner_that_runs_changes_over_and_goes_on(
    nats_server: NatsServer, jetstream_bus: Bus, tmp_path: Path
) -> None:
    installed = Installed(nats_server, tmp_path / "home")
    history = History(jetstream_bus)
    async with ServiceProcess("learner", nats_server.url, installed.home) as learner:
        await history.one_run(1).whole()
        await installed.runs(1)
        before = installed.live.stat().st_ino
        code, out, _ = await installed.firebreak("events", "replay", "--into", "analytics")
        assert code == 0, out
        assert "messages in" in out
        await history.one_run(2).whole()
        await installed.runs(2)
        assert await learner.stopped() == 0
    assert installed.live.stat().st_ino != before
    last, messages = contents(installed.live)["at EVENTS"]
    assert last == messages >= 18, "the learner adds advice of its own"
    (aside,) = (installed.home / FOLDER / "aside").iterdir()
    assert aside.stat().st_ino == before


async def test_nothing_is_replayed_into_nothing(nats_server: NatsServer, jetstream_bus: Bus, tmp_path: Path) -> None:
    code, _, err = await Installed(nats_server, tmp_path).firebreak("events", "replay")
    assert code == 2
    assert "--into" in err
