"""Before a job's first step: the repositories of its actions are fetched, as in GitHub's "Set up job".

A job whose actions cannot be had has failed before it began: none of its steps runs, not those of `always()` either.
"""

from __future__ import annotations

from libs.contracts.attempt import StepFinished, StepStarted
from libs.contracts.results import Result
from libs.workflow.runner.commands import CommandReader
from services.vm_agent.job.actions.preparing import is_fetched, prepare
from services.vm_agent.job.actions.use import ActionFailed, OutOfReach, Slot
from services.vm_agent.job.supervision import Awaited
from services.vm_agent.job.surroundings import JobError, Surroundings
from services.vm_agent.log.step_output import StepOutput
from services.vm_agent.ports import Record
from services.vm_agent.sandbox.protocol import SandboxError

NAME = "Set up job"


class ActionSetup:
    """Used once. Does nothing, and records nothing, where no step uses a repository's action."""

    def __init__(self, around: Surroundings, record: Record) -> None:
        self._around, self._record = around, record
        self._begun, self._first_line = around.clock(), around.log.lines

    async def run(self) -> str:
        """Why no step can run, empty where all is there. Raises JobError where it is Firebreak that failed."""
        around = self._around
        try:
            wanted = [(step.index, step.uses) for step in around.state.order.planned.steps if step.uses is not None]
            wanted = [(place, uses) for place, uses in wanted if is_fetched(uses)]
        except ActionFailed as error:
            return await self._recorded([], str(error))
        return await self._recorded(wanted, "") if wanted else ""

    async def _recorded(self, wanted: list[tuple[int, str]], why: str) -> str:
        around, index = self._around, self._around.state.beyond_plan()
        reader = CommandReader(environment={}, workspace=around.places.workspace)
        output = StepOutput(index, around.log, around.masker, reader, debug=around.state.debug)
        await self._record.started(StepStarted(index, NAME, part="setup"))
        outcome: Result = "failure" if why else "success"
        if not why:
            outcome, why = await self._outcome(wanted, output)
        if why:
            await output.error(why)
        around.state.failed = around.state.failed or outcome == "failure"
        why = around.masker.mask(why)
        self._record.finished(
            StepFinished(
                step=index,
                name=NAME,
                outcome=outcome,
                conclusion=outcome,
                duration_ms=round((around.clock() - self._begun) * 1000, 3),
                annotations=tuple(output.said.annotations),
                first_line=self._first_line,
                lines=around.log.lines - self._first_line,
                why=why,
                part="setup",
            )
        )
        await around.log.flush()
        if outcome == "error":
            raise JobError(why)
        return why

    async def _outcome(self, wanted: list[tuple[int, str]], output: StepOutput) -> tuple[Result, str]:
        around = self._around
        try:
            ended = await around.supervision().watch(Awaited(self._fetch_all(wanted, output)))
        except ActionFailed as error:
            return "failure", str(error)
        except (OutOfReach, SandboxError) as error:
            return "error", str(error)
        if ended.stopped_by is None:
            return "success", ""
        if around.cancellation.reason == "timeout":
            return "timeout", "The job has reached its time limit."
        return "cancellation", "The operation was canceled."

    async def _fetch_all(self, wanted: list[tuple[int, str]], output: StepOutput) -> None:
        for place, uses in wanted:
            await self._fetch(place, uses, output)

    async def _fetch(self, place: int, uses: str, output: StepOutput) -> None:
        actions = self._around.actions
        before = actions.library.fetched()
        slot = Slot(actions.uses.steps, actions.uses.begun, place, actions.library.origin())
        await prepare(actions, slot, uses)
        for name, commit in actions.library.fetched().items():
            if name not in before:
                await output.print(f"Download action repository '{name}' (SHA:{commit})")
