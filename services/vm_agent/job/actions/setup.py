"""Before a job's first step: the repositories of its actions are fetched, as in GitHub's "Set up job".

A job whose actions cannot be had has failed before it began: none of its steps runs, not those of `always()` either.
"""

from __future__ import annotations

from libs.contracts.results import Result
from services.vm_agent.job.actions.preparing import is_fetched, prepare
from services.vm_agent.job.actions.use import ActionFailed, OutOfReach, Slot
from services.vm_agent.job.setup_step import set_up
from services.vm_agent.job.supervision import Awaited
from services.vm_agent.job.surroundings import Surroundings
from services.vm_agent.log.step_output import StepOutput
from services.vm_agent.ports import Record
from services.vm_agent.sandbox.protocol import SandboxError

NAME = "Set up job"


class ActionSetup:
    """Used once. Does nothing, and records nothing, where no step uses a repository's action."""

    def __init__(self, around: Surroundings, record: Record) -> None:
        self._around, self._record = around, record
        self._lacking: list[int] = []

    async def run(self) -> str:
        """Why no step can run, empty where all is there. Raises JobError where it is Firebreak that failed."""
        wanted: list[tuple[int, str]] = []
        wrong = ""
        try:
            for step in self._around.state.order.planned.steps:
                if step.uses is not None and is_fetched(step.uses):
                    wanted.append((step.index, step.uses))
        except ActionFailed as error:
            wrong = str(error)
        if not wanted and not wrong:
            return ""

        async def work(output: StepOutput) -> tuple[Result, str]:
            return ("failure", wrong) if wrong else await self._outcome(wanted, output)

        _, why = await set_up(self._around, self._record, NAME, work, self._lacking)
        return why

    async def _outcome(self, wanted: list[tuple[int, str]], output: StepOutput) -> tuple[Result, str]:
        around = self._around
        try:
            ended = await around.supervision().watch(Awaited(self._fetch_all(wanted, output)))
        except ActionFailed as error:
            return "failure", str(error)
        except (OutOfReach, SandboxError) as error:
            return "error", str(error)
        return ("success", "") if ended.stopped_by is None else around.cancellation.end

    async def _fetch_all(self, wanted: list[tuple[int, str]], output: StepOutput) -> None:
        """All that cannot be had is said at once: who mends a workflow wants to know the whole of it."""
        wrong: list[str] = []
        for place, uses in wanted:
            try:
                await self._fetch(place, uses, output)
            except ActionFailed as error:
                self._lacking.append(place)
                wrong.append(str(error))
            except OutOfReach:
                self._lacking.append(place)
                raise
        if wrong:
            raise ActionFailed("; ".join(dict.fromkeys(wrong)))

    async def _fetch(self, place: int, uses: str, output: StepOutput) -> None:
        actions = self._around.actions
        before = actions.library.fetched()
        slot = Slot(actions.uses.steps, actions.uses.begun, place, actions.library.origin())
        await prepare(actions, slot, uses)
        for name, commit in actions.library.fetched().items():
            if name not in before:
                await output.print(f"Download action repository '{name}' (SHA:{commit})")
