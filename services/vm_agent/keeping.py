"""The wiring of what failed: its keeper, and the door through which somebody looks at it. Neither knows the other."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from libs.bus.port import Bus
from libs.contracts.orders import JobOrder
from libs.settings import Settings
from libs.workflow.runner.masking import Masker
from services.vm_agent.custody import Custody
from services.vm_agent.debug.door import Door
from services.vm_agent.debug.session import Grounds
from services.vm_agent.host_log import HostLog
from services.vm_agent.job.recipe import Story
from services.vm_agent.keep.keeper import Keeper
from services.vm_agent.keep.policy import Rules
from services.vm_agent.sandbox.protocol import Driver, Sandbox, SandboxId


@dataclass(frozen=True, slots=True)
class Keeping:
    keeper: Keeper
    door: Door

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.keeper.run())
            tasks.create_task(self.door.run())

    async def keep(self, sandbox: Sandbox, order: JobOrder, story: Story, masker: Masker, had_secret: bool) -> None:
        """At a job's first failing step."""
        await self.keeper.keep(sandbox, order, story, masker, had_secret)

    def held(self) -> tuple[SandboxId, ...]:
        """The machines of debug sessions. In any thread."""
        return self.door.held()


def keeping(settings: Settings, bus: Bus, driver: Driver, custody: Custody, host_log: HostLog) -> Keeping:
    """Without rules nothing new is kept; what was kept before can be looked at until its time is over."""
    given = settings.keep_failed
    rules = given and Rules(given.count, given.seconds, settings.keep_forks, settings.keep_secrets)
    keeper = Keeper(settings.home / "agent" / settings.host_id, rules, host_log.add, _now)
    grounds = Grounds(
        driver=driver,
        store=keeper.store,
        took=custody.took,
        gave_up=custody.gave_up,
        tell=host_log.add,
        now=_now,
        clock=time.monotonic,
    )
    return Keeping(keeper, Door(bus, settings.host_id, grounds))


def _now() -> datetime:
    return datetime.now(UTC)
