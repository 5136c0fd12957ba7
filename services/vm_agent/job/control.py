"""Steps that do nothing but wait for background steps, or end one; they come also after a failure, as on GitHub."""

from __future__ import annotations

from libs.contracts.attempt import StepFinished, StepStarted
from libs.contracts.plan import PlannedStep
from libs.contracts.results import Result
from services.vm_agent.job.background import Background
from services.vm_agent.job.evaluation import BadKey
from services.vm_agent.job.naming import display_template, shortened
from services.vm_agent.job.site import Site
from services.vm_agent.job.surroundings import Surroundings
from services.vm_agent.ports import Record

_KEY = "jobs.<job_id>.steps.continue-on-error"
_FAILED: frozenset[Result] = frozenset({"failure", "error", "timeout"})


class ControlStep:
    """Used once."""

    def __init__(self, around: Surroundings, planned: PlannedStep, background: Background, record: Record) -> None:
        self._around, self._planned, self._background, self._record = around, planned, background, record
        self._site = Site(around, planned, planned.id or "__wait")
        self._begun, self._first_line = around.clock(), around.log.lines
        self._name = shortened(around.masker.mask(display_template(planned)))

    async def run(self) -> None:
        """A failure of a step that it waits for is its own. Raises JobError."""
        await self._record.started(StepStarted(self._planned.index, self._name))
        outcome: Result = "success"
        try:
            forgiving = await self._site.evaluator().boolean(self._planned.continue_on_error, _KEY)
        except BadKey as error:
            forgiving, outcome = False, "failure"
            await self._site.output.error(str(error))
        if self._planned.cancel is not None:
            await self._cancel(self._planned.cancel)
        elif self._planned.wait is not None and await self._wait(self._planned.wait, forgiving):
            outcome = "failure"
        conclusion: Result = "success" if forgiving else outcome
        state = self._around.state
        state.failed = state.failed or conclusion == "failure"
        if self._planned.id:
            state.remember(self._planned.id, {}, outcome, conclusion)
        await self._around.log.flush()
        self._record.finished(self._finished(outcome, conclusion))

    async def _wait(self, steps: tuple[int, ...], forgiving: bool) -> bool:
        """Whether one of them failed."""
        failed = False
        for name, conclusion in await self._background.wait(steps, forgiving=forgiving):
            await self._site.output.print(f"{name}: {conclusion}")
            if conclusion in _FAILED:
                failed = True
                await self._site.output.error(f"The background step '{name}' ended in {conclusion}.")
        return failed

    async def _cancel(self, step: int) -> None:
        name = await self._background.cancel(step)
        await self._site.output.print(f"Ended: {name}" if name is not None else "It had ended before.")

    def _finished(self, outcome: Result, conclusion: Result) -> StepFinished:
        output, around = self._site.output, self._around
        errors = [note.message for note in output.said.annotations if note.level == "error"]
        return StepFinished(
            step=self._planned.index,
            name=self._name,
            outcome=outcome,
            conclusion=conclusion,
            duration_ms=round((around.clock() - self._begun) * 1000, 3),
            annotations=tuple(output.said.annotations),
            first_line=self._first_line,
            lines=around.log.lines - self._first_line,
            why=errors[-1] if errors else "",
        )
