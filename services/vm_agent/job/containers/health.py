"""Waiting for a service to be healthy.

Docker checks by itself and is asked what it found. Podman leaves the checks to systemd, which no machine of ours has:
there each check is one that we start, so a service may also be found healthy before its interval is over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import cast

from services.vm_agent.job.containers.engine import Engine

LONGEST_WAIT_SECONDS = 16.0
"""Between two looks at a service."""
HEALTH_SECONDS = 1800.0
"""Whatever the intervals and retries of an image are: nobody waits longer for a service."""
_CHECK_SLACK_SECONDS = 30.0
"""For starting a check on a machine that is busy or emulated."""
_DEFAULT_SECONDS, _DEFAULT_RETRIES = 30.0, 3
_STATUS = "{{if .State.Health}}{{.State.Health.Status}}{{end}} {{.State.Running}}"
Say = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class HealthCheck:
    interval_seconds: float
    timeout_seconds: float
    start_seconds: float
    retries: int

    @property
    def due_seconds(self) -> float:
        """When an engine that checks by itself would have given it up."""
        whole = self.start_seconds + self.retries * (self.interval_seconds + self.timeout_seconds)
        return min(whole, HEALTH_SECONDS)


def health_check(config: object) -> HealthCheck | None:
    """From `Config.Healthcheck` of what the engine says of a container; None where it has none."""
    if not isinstance(config, dict):
        return None
    given = cast("dict[str, object]", config)
    test = given.get("Test")
    if not isinstance(test, list) or not test or test[0] == "NONE":
        return None
    retries = given.get("Retries")
    return HealthCheck(
        _seconds(given.get("Interval")) or _DEFAULT_SECONDS,
        _seconds(given.get("Timeout")) or _DEFAULT_SECONDS,
        _seconds(given.get("StartPeriod")),
        retries if isinstance(retries, int) and retries > 0 else _DEFAULT_RETRIES,
    )


@dataclass(frozen=True, slots=True)
class Waiting:
    engine: Engine
    clock: Callable[[], float]
    first_wait_seconds: float

    async def healthy(self, container: str, service: str, check: HealthCheck, say: Say) -> bool:
        """Until it is, or is given up, or has ended. Raises SandboxError."""
        begun, failures, wait = self.clock(), 0, self.first_wait_seconds
        while True:
            status = await self._status(container, check)
            if status == "healthy":
                await say(f"{service} service is healthy.")
                return True
            failures += 1
            waited = self.clock() - begun
            given_up = waited >= check.due_seconds and (failures >= check.retries or waited >= HEALTH_SECONDS)
            if status == "unhealthy" or given_up:
                return False
            await say(f"{service} service is starting, waiting {wait:g} seconds before checking again.")
            await asyncio.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT_SECONDS)

    async def _status(self, container: str, check: HealthCheck) -> str:
        if self.engine.name == "podman" and await self._passes(container, check):
            return "healthy"
        status, _, running = (await self.engine.run(["inspect", "--format", _STATUS, container])).last.partition(" ")
        if running != "true":
            return "unhealthy"
        # What podman counts is checks, and we make more of them than the image asks for.
        return status if self.engine.name == "docker" else "starting"

    async def _passes(self, container: str, check: HealthCheck) -> bool:
        try:
            async with asyncio.timeout(min(check.timeout_seconds, HEALTH_SECONDS) + _CHECK_SLACK_SECONDS):
                return (await self.engine.run(["healthcheck", "run", container])).ok
        except TimeoutError:
            return False


def _seconds(nanoseconds: object) -> float:
    return nanoseconds / 1e9 if isinstance(nanoseconds, int | float) and nanoseconds > 0 else 0.0
