"""Keeps what a failed job leaves, as the policy says, and throws it away when its time is over.

A machine is saved at its first failing step, before the next one runs: a step of `always()` may tidy up what is wanted.
It stands still meanwhile, which is bounded in time and bytes; whatever goes wrong is told, and the job goes on.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from libs.contracts.host import HostEvent, VmKept, VmNotKept
from libs.contracts.ids import Cause
from libs.contracts.orders import JobOrder
from libs.telemetry import log
from libs.workflow.runner.masking import Masker
from services.vm_agent.job.recipe import Story, without_secrets
from services.vm_agent.keep import extents
from services.vm_agent.keep.policy import Failed, Keep, Not, Room, Rules, decide
from services.vm_agent.keep.sealing import Budget, Sealer, TooMuch
from services.vm_agent.keep.store import DISK, MEMORY, STEPS, Kept, KeptStore
from services.vm_agent.sandbox.machine.saving import Savable, SavedAs
from services.vm_agent.sandbox.protocol import Sandbox, SandboxError

SAVE_SECONDS = 120.0
"""A job waits no longer for its machine to be saved: gigabytes take seconds on any disk that a host should have."""
EXPIRE_SECONDS = 60.0

logger = log.get("agent")


@dataclass(frozen=True, slots=True)
class _Job:
    """`masker` knows every secret that the job was given or has named."""

    order: JobOrder
    story: Story
    masker: Masker
    had_secret: bool


class Keeper:
    """`rules` None keeps nothing new. `tell` stores an event of the host."""

    def __init__(
        self,
        folder: Path,
        rules: Rules | None,
        tell: Callable[[HostEvent, Cause], None],
        now: Callable[[], datetime],
    ) -> None:
        self.store = KeptStore(folder)
        self._folder, self._rules, self._tell, self._now = folder, rules, tell, now
        self._one_at_a_time = asyncio.Lock()
        self._saving: frozenset[str] = frozenset()

    @property
    def keeps(self) -> bool:
        return self._rules is not None

    async def run(self) -> None:
        """Until cancelled: what is over goes, at once and then every minute."""
        while True:
            try:
                for kept in await asyncio.to_thread(self.store.expire, self._now(), busy=self._saving):
                    logger.info("kept machine is over", kept=kept.name, attempt=kept.attempt)
            except OSError as error:
                logger.error("kept machines cannot be removed", why=error)
            await asyncio.sleep(EXPIRE_SECONDS)

    async def keep(self, sandbox: Sandbox, order: JobOrder, story: Story, masker: Masker, had_secret: bool) -> None:
        """Keeps the machine of a job that has failed, or says why not. Raises nothing."""
        if self._rules is None:
            return
        job = _Job(order, story, masker, had_secret)
        async with self._one_at_a_time:
            why = await self._keep(sandbox, job, self._rules)
        if why:
            logger.warning("machine not kept", attempt=job.order.attempt, why=why)
            self._tell(VmNotKept(job.order.attempt, why), job.order.cause)

    async def _keep(self, sandbox: Sandbox, job: _Job, rules: Rules) -> str:
        """Why it was not."""
        facts = Failed(job.order.trust, job.had_secret, savable=isinstance(sandbox, Savable))
        try:
            decision = decide(facts, rules, await asyncio.to_thread(self._room))
            match decision:
                case Not(why):
                    return why
                case Keep(evict=evict):
                    for name in evict:
                        await asyncio.to_thread(self.store.remove, name)
            assert isinstance(sandbox, Savable)
            return await self._save(sandbox, sandbox.id, job, decision, rules)
        except OSError as error:
            return f"the host's disk failed: {error.strerror or error}"

    async def _save(self, machine: Savable, name: str, job: _Job, decision: Keep, rules: Rules) -> str:
        self._saving = frozenset({name})
        done = False
        try:
            async with asyncio.timeout(SAVE_SECONDS):
                kept = await self._saved(machine, name, job, decision, rules)
            done = True
        except TooMuch as error:
            return str(error)
        except SandboxError as error:
            return f"it could not be saved: {error}"
        except TimeoutError:
            return f"it was not saved within {SAVE_SECONDS:g} s"
        finally:
            self._saving = frozenset()
            if not done:
                self.store.remove(name)
        event = VmKept(kept.name, kept.attempt, kept.until, kept.what, kept.size_bytes, kept.step)
        self._tell(event, job.order.cause)
        return ""

    async def _saved(self, machine: Savable, name: str, job: _Job, decision: Keep, rules: Rules) -> Kept:
        place, key = await asyncio.to_thread(self.store.begin, name)
        budget = Budget(decision.limit_bytes)
        story = job.story if decision.memory else without_secrets(job.story, job.masker.holds_secret)
        saved = await _machine(machine, place, key, budget, memory=decision.memory)
        await _steps(story, place, key, budget)
        kept = Kept(
            name=name,
            attempt=job.order.attempt,
            until=self._now() + timedelta(seconds=rules.seconds),
            what="memory" if decision.memory else "disk",
            size_bytes=budget.used_bytes,
            step=job.story.step,
            saved=saved,
        )
        await asyncio.to_thread(self.store.finish, kept)
        return kept

    def _room(self) -> Room:
        self._folder.mkdir(parents=True, exist_ok=True)
        found = os.statvfs(self._folder)
        return Room([(kept.name, kept.until) for kept in self.store.all()], found.f_bavail * found.f_frsize)


async def _machine(machine: Savable, place: Path, key: bytes, budget: Budget, *, memory: bool) -> SavedAs:
    sealers: list[Sealer] = []

    def sealer(purpose: str) -> Sealer:
        sealers.append(Sealer(place / purpose, key, purpose, budget))
        return sealers[-1]

    async def save_disk(path: str) -> None:
        await extents.read(path, sealer(DISK).take)

    try:
        saved = await machine.save(save_disk, sealer(MEMORY).take if memory else None)
        for one in sealers:
            await one.finish()
    finally:
        for one in sealers:
            one.close()
    return saved


async def _steps(story: Story, place: Path, key: bytes, budget: Budget) -> None:
    sealer = Sealer(place / STEPS, key, STEPS, budget)
    try:
        await sealer.take(msgspec.json.encode(story))
        await sealer.finish()
    finally:
        sealer.close()
