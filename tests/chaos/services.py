"""One service as its own process, as in production, to be killed by its id."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).parents[2]
STOP_SECONDS = 20.0


class ServiceProcess:
    """`python -m services.<name>` with an environment of its own; killed at the end of the block if it still runs."""

    def __init__(self, name: str, nats_url: str, home: Path, settings: dict[str, str] | None = None) -> None:
        self._name = name
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "FIREBREAK_HOME": str(home),
            "NATS_URL": nats_url,
            **(settings or {}),
        }
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> ServiceProcess:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", f"services.{self._name}", cwd=ROOT, env=self._environment, start_new_session=True
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        assert self._process is not None
        await self._process.wait()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def ended(self) -> bool:
        """By itself, as where the bus does not answer: a supervisor would start it again."""
        return self._process is not None and self._process.returncode is not None

    def kill(self) -> None:
        self.signal(signal.SIGKILL)

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(number)

    async def stopped(self) -> int:
        """Its exit code after SIGTERM."""
        assert self._process is not None
        self.signal(signal.SIGTERM)
        return await asyncio.wait_for(self._process.wait(), STOP_SECONDS)
