"""The steps around a job's own that its containers need: "Initialize containers" before them, "Stop containers" after.

They are recorded as steps are. What the workflow or its images do wrong is the job's failure; steps that ask for it
(`always()`) still run then. A sandbox without an engine is Firebreak's error.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable

from libs.contracts.attempt import StepFinished, StepStarted
from libs.contracts.results import Result
from libs.workflow.runner.commands import CommandReader
from libs.workflow.runner.masking import TooManyMasks
from services.vm_agent.finishing import to_the_end
from services.vm_agent.job.containers.refused import BadContainer
from services.vm_agent.job.containers.wanted import Wanted, wanted_container, wanted_services
from services.vm_agent.job.evaluation import BadKey, Evaluator
from services.vm_agent.job.fingerprint import fingerprint
from services.vm_agent.job.supervision import Supervision
from services.vm_agent.job.surroundings import JobError, Surroundings
from services.vm_agent.log.step_output import StepOutput
from services.vm_agent.ports import Record
from services.vm_agent.sandbox.protocol import SandboxError

INITIALIZE, STOP = "Initialize containers", "Stop containers"
STOP_SECONDS = 120.0
"""For logs and removal, also of a job that was cancelled."""


class _Work:
    """A coroutine that a signal ends."""

    def __init__(self, work: Awaitable[None]) -> None:
        self._task = asyncio.ensure_future(work)

    async def wait(self) -> None:
        await asyncio.wait({self._task})
        if not self._task.cancelled():
            self._task.result()

    async def signal(self, number: signal.Signals) -> None:
        self._task.cancel()


class ContainerSteps:
    """Of one job. Does nothing where the job wants no container."""

    def __init__(self, around: Surroundings, record: Record) -> None:
        self._around, self._record = around, record
        planned = around.state.order.planned
        self._container, self._services = planned.container, planned.services
        self._started = False

    async def initialize(self, evaluator: Evaluator) -> None:
        """Raises JobError where it is Firebreak that failed, the step being recorded."""
        if self._container is None and not self._services:
            return
        self._started = True
        await self._step(INITIALIZE, lambda output: self._initialize(evaluator, output))

    async def stop(self) -> None:
        """Raises what the record raises."""
        if self._started and self._around.containers.began:
            await self._step(STOP, self._stop)

    async def clear(self) -> None:
        """However the job ends."""
        await to_the_end(self._clear())

    async def _clear(self) -> None:
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self._around.containers.clear()
        except (TimeoutError, SandboxError):
            return

    async def _initialize(self, evaluator: Evaluator, output: StepOutput) -> None:
        around = self._around
        job = await wanted_container(self._container, evaluator)
        services = await wanted_services(self._services, evaluator)
        self._mask_passwords(*([] if job is None else [job]), *services)
        if job is None and not services:
            return

        starting = around.containers.start(job, services, around.clock, output.print)
        ended = await self._supervision().watch(_Work(starting))
        around.state.job.update(around.containers.context)
        if ended.stopped_by is not None:
            raise _Stopped

    def _mask_passwords(self, *wanted: Wanted) -> None:
        try:
            for one in wanted:
                if one.login is not None:
                    self._around.masker.add(one.login.password)
        except TooManyMasks as error:
            raise BadContainer(f"credentials: {error}") from None

    def _supervision(self) -> Supervision:
        around = self._around
        return Supervision(
            cancellation=around.cancellation,
            patience=around.patience,
            clock=around.clock,
            limit_seconds=None,
            heeds_cancellation=not around.cancellation.requested,
            still_wanted=_no,
        )

    async def _stop(self, output: StepOutput) -> None:
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self._around.containers.stop(output.print)
        except (TimeoutError, SandboxError) as error:
            # All steps have ended as they did; what is left is removed once more, or with the machine.
            await output.warning(f"The containers could not be stopped: {error or 'it took too long'}")

    async def _step(self, name: str, work: Callable[[StepOutput], Awaitable[None]]) -> None:
        around = self._around
        index, begun, first_line = around.state.beyond_plan(), around.clock(), around.log.lines
        reader = CommandReader(environment={}, workspace=around.places.workspace)
        output = StepOutput(index, around.log, around.masker, reader, debug=around.state.debug)
        await self._record.started(StepStarted(index, name, part="setup"))
        outcome, why = await self._outcome(work, output)
        around.state.failed = around.state.failed or outcome == "failure"
        self._record.finished(
            StepFinished(
                step=index,
                name=name,
                outcome=outcome,
                conclusion=outcome,
                duration_ms=round((around.clock() - begun) * 1000, 3),
                annotations=tuple(output.said.annotations),
                first_line=first_line,
                lines=around.log.lines - first_line,
                why=around.masker.mask(why),
                fingerprint=fingerprint(None, [around.masker.mask(why)], ()) if outcome == "failure" else "",
                part="setup",
            )
        )
        await around.log.flush()
        if outcome == "error":
            raise JobError(why)

    async def _outcome(self, work: Callable[[StepOutput], Awaitable[None]], output: StepOutput) -> tuple[Result, str]:
        try:
            await work(output)
        except _Stopped:
            timed_out = self._around.cancellation.reason == "timeout"
            why = "The job has reached its time limit." if timed_out else "The operation was canceled."
            await output.error(why)
            return ("timeout" if timed_out else "cancellation"), why
        except (BadKey, BadContainer) as error:
            await output.error(str(error))
            return "failure", str(error)
        except SandboxError as error:
            await output.error(str(error))
            return "error", str(error)
        return "success", ""


class _Stopped(Exception):
    """The job was cancelled meanwhile."""


async def _no() -> bool:
    return False
