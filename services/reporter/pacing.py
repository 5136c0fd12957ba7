"""Waits for a turn to write to GitHub; what must wait longer than a moment is put back into the queue."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from libs.bus.port import Retry
from services.reporter.budget import Budget

MOMENT_SECONDS = 2.0
"""Waited for in place; longer waits leave the hands free for other runs."""


@dataclass(frozen=True, slots=True)
class Pacing:
    budget: Budget

    async def turn(self) -> None:
        """Returns when a request that creates something may go out, and counts it. Raises Retry."""
        while (seconds := self.budget.wait_seconds()) > 0:
            if seconds > MOMENT_SECONDS:
                raise Retry("GitHub's limits on writing", seconds)
            await asyncio.sleep(seconds)
        self.budget.spend()
