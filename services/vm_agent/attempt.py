"""One attempt at a job: its lease, its sandbox, its steps, its log, its end.

A job without work costs two commits: [AttemptStarted, VmReady, StepStarted] and [StepFinished, AttemptFinished]. Where
the sandbox boots for long, AttemptStarted is stored before. The sandbox is destroyed however the attempt ends.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from libs.blobs.port import Blobs
from libs.bus.port import Bus, BusDown
from libs.contracts import subjects
from libs.contracts.attempt import AttemptFinished, AttemptStarted, VmReady
from libs.contracts.blobs import BlobRef
from libs.contracts.ids import BootId
from libs.contracts.orders import JobOrder
from libs.contracts.run import CancelReason
from libs.telemetry import log
from libs.workflow.expressions import Value
from libs.workflow.runner.masking import Masker
from services.vm_agent.finishing import to_the_end
from services.vm_agent.job.actions.actions import actions_of
from services.vm_agent.job.containers.containers import Containers
from services.vm_agent.job.containers.means import Means
from services.vm_agent.job.containers.offered import OfferedImages
from services.vm_agent.job.job import Job, JobEnd
from services.vm_agent.job.places import Places, places
from services.vm_agent.job.recipe import Story
from services.vm_agent.job.state import JobState
from services.vm_agent.job.supervision import Cancellation, Patience
from services.vm_agent.job.surroundings import Surroundings
from services.vm_agent.lease import Fenced, Lease
from services.vm_agent.log.job_log import JobLog
from services.vm_agent.log.matching.matchers import Matchers, matchers_of
from services.vm_agent.log.spool import Spool
from services.vm_agent.ports import Sources
from services.vm_agent.sandbox.protocol import Driver, Ready, Sandbox, SandboxError, SandboxId, SandboxSpec
from services.vm_agent.sandbox.unmade import made
from services.vm_agent.stock import Stock

logger = log.get("agent")

ARCHITECTURES = {"x86_64": "X64", "amd64": "X64", "aarch64": "ARM64", "arm64": "ARM64", "i686": "X86", "armv7l": "ARM"}
"""GitHub's names of what `uname -m` says."""


@dataclass(frozen=True, slots=True)
class Bases:
    """What all attempts of an agent share."""

    bus: Bus
    blobs: Blobs
    sources: Sources
    actions: Sources
    """Of the repositories that `uses` names."""
    driver: Driver
    boot_id: BootId
    spool_folder: Path
    job_environment: Mapping[str, str]
    patience: Patience
    stock: Stock
    offered_images: OfferedImages = field(default_factory=lambda: OfferedImages(None))
    """For containers of jobs."""
    others: tuple[Callable[[], Collection[SandboxId]], ...] = ()
    """Who else has sandboxes that no sweep may take: debug sessions."""
    keep: Callable[[Sandbox, JobOrder, Story, Masker, bool], Awaitable[None]] | None = None
    """Keeps the machine of a job at its first failing step; the last word is whether the job was given a secret."""


class Keeper(Protocol):
    """Who answers for sandboxes on this host."""

    def sandbox_stands(self, attempt: Attempt) -> None: ...
    def sandbox_gone(self, attempt: Attempt, why: str) -> None: ...
    def sandbox_stays(self, attempt: Attempt) -> None:
        """It could not be removed, though its attempt is over."""
        ...


class Attempt:
    """`run` once, as a task of its own. `secrets` are opened and valid for this job."""

    def __init__(
        self,
        bases: Bases,
        order: JobOrder,
        spec: SandboxSpec,
        *,
        lease: Lease,
        secrets: Mapping[str, str],
        keeper: Keeper,
    ) -> None:
        self._bases, self.order, self.spec, self.lease = bases, order, spec, lease
        self._secrets, self._keeper = secrets, keeper
        self.sandbox: Sandbox = bases.stock.claim(spec)
        self.ending = False
        """Its end is being said: nothing of it runs any more."""
        self._stands = self.sandbox.id != spec.id
        """Others know of it, and are told of its end: one that stood ready was there before."""
        self._why_gone = "its job is over"
        self._begun = time.monotonic()
        self._job: Job | None = None
        self._early: CancelReason | None = None
        self._masker = Masker(tuple(secrets.values()))
        subject = subjects.log(order.host, order.run_id, order.job, order.n)
        self._matchers: Matchers | None = None
        self._log = JobLog(lambda data: bases.bus.stream_log(subject, data), Spool(bases.spool_folder), time.monotonic)

    def cancel(self, reason: CancelReason) -> None:
        """Ends the job as GitHub does; before it has begun, as soon as it does."""
        if self._job is not None:
            self._job.cancel(reason)
        elif self._early is None:
            self._early = reason

    async def run(self) -> None:
        """Until everything is stored and the sandbox is gone. Fenced is not an error here: it says so and ends."""
        try:
            await self._hold_and_run()
        except Fenced as fenced:
            self._why_gone = f"its attempt was lost: {fenced}"
            logger.warning("attempt fenced", attempt=self.order.attempt, why=fenced)
        except asyncio.CancelledError:
            self._why_gone = "its attempt was ended"
            raise
        finally:
            await to_the_end(self._clear())

    async def give_up(self, why: str) -> None:
        """The agent has ended `run`: the attempt says whose fault it was, unless it has said its end. Raises Fenced."""
        if self.ending:
            await self.lease.append()
            return
        await self._end(AttemptFinished("error", why=why, lines=self._log.lines, duration_ms=self._passed_ms()))

    async def _clear(self) -> None:
        await self._log.close()
        if self._matchers is not None:
            await self._matchers.close()
        try:
            await self.sandbox.destroy()
        except Exception as error:
            logger.error("sandbox not removed", attempt=self.order.attempt, why=repr(error))
            self._keeper.sandbox_stays(self)
            return
        if self._stands:
            self._stands = False
            self._keeper.sandbox_gone(self, self._why_gone)

    async def _end(self, event: AttemptFinished) -> None:
        self.ending = True
        await self.lease.append(event)

    async def _hold_and_run(self) -> None:
        order, lease = self.order, self.lease
        lease.add(
            AttemptStarted(order.run_id, order.job, order.n, order.host, self._bases.boot_id, self._bases.driver.name)
        )
        if self._bases.driver.makes_machines:
            await lease.append()
        try:
            ready = await self._stand()
        except SandboxError as error:
            await self._end(AttemptFinished("error", why=f"no sandbox: {error}", duration_ms=self._passed_ms()))
            return
        self._stands = True
        self._keeper.sandbox_stands(self)
        lease.add(self._vm_ready(ready))
        await self._finish(await self._run_job())

    async def _stand(self) -> Ready:
        """One that stood ready and does not answer any more is replaced: the job has not begun, and pays nothing."""
        if self.sandbox.id == self.spec.id:
            return await self.sandbox.start()
        try:
            return await self.sandbox.start()
        except SandboxError as error:
            logger.warning("pooled machine does not answer", vm=self.sandbox.id, why=error)
            await self.sandbox.destroy()
            self._stands = False
            self._keeper.sandbox_gone(self, f"it stood ready and did not answer: {error}")
        self.sandbox = made(self._bases.driver, self.spec)
        return await self.sandbox.start()

    def _vm_ready(self, ready: Ready) -> VmReady:
        return VmReady(
            how=ready.how,
            phases_ms=ready.phases_ms,
            vm=self.sandbox.id if self._bases.driver.makes_machines else "",
            pid=ready.pid,
            boot_id=ready.boot_id,
            proof=ready.proof,
            image=ready.image,
            size=ready.size,
        )

    async def _run_job(self) -> JobEnd:
        job = self._job = Job(self._surroundings(), self.lease)
        if self._early is not None:
            job.cancel(self._early)
        try:
            return await job.run()
        except Fenced:
            raise
        except Exception as error:
            # A bug of ours must end this attempt with a reason, and no other attempt at all.
            logger.error("attempt broke", attempt=self.order.attempt, why=repr(error))
            return JobEnd("error", why=f"the agent failed: {type(error).__name__}")

    async def _finish(self, end: JobEnd) -> None:
        stored, trouble = await self._stored_log()
        conclusion, why = ("error", trouble) if trouble and end.conclusion != "error" else (end.conclusion, end.why)
        await self._end(
            AttemptFinished(
                conclusion=conclusion,
                outputs=end.outputs,
                outputs_blob=end.outputs_blob,
                log=stored,
                lines=self._log.lines,
                duration_ms=self._passed_ms(),
                why=why,
                environment_url=end.environment_url,
            )
        )

    async def _stored_log(self) -> tuple[BlobRef | None, str]:
        """The log's blob, or why there is none."""
        try:
            stored = await self._log.finish(self._bases.blobs)
            await self._bases.bus.flush_logs()
        except BusDown:
            return None, ""
        except Exception as error:
            logger.error("log not stored", attempt=self.order.attempt, why=repr(error))
            return None, f"the log could not be stored: {type(error).__name__}"
        return stored, ""

    def _surroundings(self) -> Surroundings:
        bases = self._bases
        at = places(self.sandbox.paths, self.order.repository.name)
        patience = bases.patience.until_cancelled(self.order.cancel_timeout_ms)
        runner = self._runner(at)
        state = JobState(self.order, at, self._secrets, runner)
        if state.debug:
            runner["debug"] = "1"
        self._matchers = matchers_of(self.order, self.sandbox.read_file, at.workspace)
        return Surroundings(
            matchers=self._matchers,
            sandbox=self.sandbox,
            places=at,
            state=state,
            masker=self._masker,
            log=self._log,
            sources=bases.sources,
            actions=actions_of(self.order, self.sandbox, at, (bases.sources, bases.actions), bases.job_environment),
            blobs=bases.blobs,
            cancellation=Cancellation(patience, time.monotonic),
            patience=patience,
            clock=time.monotonic,
            base_environment=bases.job_environment,
            containers=Containers(
                self.sandbox, at, self.order.attempt, Means(bases.job_environment, bases.offered_images)
            ),
            on_failure=None if bases.keep is None else self._keep,
        )

    async def _keep(self, story: Story) -> None:
        if self._bases.keep is not None:
            had_secret = any(self._secrets.values())
            await self._bases.keep(self.sandbox, self.order, story, self._masker, had_secret)

    def _runner(self, at: Places) -> dict[str, Value]:
        """The `runner` context."""
        return {
            "os": "Linux",
            "arch": ARCHITECTURES.get(os.uname().machine.lower(), os.uname().machine),
            "name": str(self.order.host),
            "temp": at.temp,
            "tool_cache": at.tool_cache,
            "workspace": at.runner_workspace,
            "environment": "self-hosted",
        }

    def _passed_ms(self) -> float:
        return round((time.monotonic() - self._begun) * 1000, 3)
