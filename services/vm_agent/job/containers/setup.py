"""The steps around a job's own that its containers need: "Initialize containers" before them, "Stop containers" after.

They are recorded as steps are. What the workflow or its images do wrong is the job's failure; steps that ask for it
(`always()`) still run then. A sandbox without an engine is Firebreak's error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from libs.contracts.results import Result
from libs.workflow.runner.masking import TooManyMasks
from services.vm_agent.finishing import to_the_end
from services.vm_agent.job.containers.refused import BadContainer
from services.vm_agent.job.containers.wanted import Wanted, wanted_container, wanted_services
from services.vm_agent.job.evaluation import BadKey, Evaluator
from services.vm_agent.job.setup_step import set_up
from services.vm_agent.job.supervision import Awaited
from services.vm_agent.job.surroundings import Surroundings
from services.vm_agent.log.step_output import StepOutput
from services.vm_agent.ports import Record
from services.vm_agent.sandbox.protocol import SandboxError

INITIALIZE, STOP = "Initialize containers", "Stop containers"
STOP_SECONDS = 120.0
"""For logs and removal, also of a job that was cancelled."""


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

    async def _initialize(self, evaluator: Evaluator, output: StepOutput) -> Result:
        around = self._around
        job = await wanted_container(self._container, evaluator)
        services = await wanted_services(self._services, evaluator)
        self._mask_passwords(*([] if job is None else [job]), *services)
        if job is None and not services:
            return "success"
        starting = around.containers.start(job, services, around.clock, output.print)
        ended = await around.supervision().watch(Awaited(starting))
        around.state.job.update(around.containers.context)
        return "success" if ended.stopped_by is None else "cancellation"

    def _mask_passwords(self, *wanted: Wanted) -> None:
        try:
            for one in wanted:
                if one.login is not None:
                    self._around.masker.add(one.login.password)
        except TooManyMasks as error:
            raise BadContainer(f"credentials: {error}") from None

    async def _stop(self, output: StepOutput) -> Result:
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self._around.containers.stop(output.print)
        except (TimeoutError, SandboxError) as error:
            # All steps have ended as they did; what is left is removed once more, or with the machine.
            await output.warning(f"The containers could not be stopped: {error or 'it took too long'}")
        return "success"

    async def _step(self, name: str, work: Callable[[StepOutput], Awaitable[Result]]) -> None:
        async def done(output: StepOutput) -> tuple[Result, str]:
            try:
                outcome = await work(output)
            except (BadKey, BadContainer) as error:
                return "failure", str(error)
            except SandboxError as error:
                return "error", str(error)
            return self._around.cancellation.end if outcome == "cancellation" else (outcome, "")

        await set_up(self._around, self._record, name, done)
