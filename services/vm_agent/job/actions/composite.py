"""A composite action: its steps one after the other, in the log and the record of the step that uses it.

`success()` and `failure()` are about the action's own steps, as in GitHub's runner; what a step adds to the environment
counts for the steps behind it, and after the action for the job.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import cast

import msgspec.structs

from libs.contracts.attempt import StepPart
from libs.contracts.plan import PlannedStep
from libs.contracts.results import Result
from libs.workflow.actions.model import Composite, JavaScript, always
from libs.workflow.actions.model import Docker as DockerRuns
from libs.workflow.expressions import Status, Value, status_of_job
from libs.workflow.model import Step
from services.vm_agent.job.actions.conditions import as_it_stands
from services.vm_agent.job.actions.use import Use
from services.vm_agent.job.answers import prepare_files, read_said
from services.vm_agent.job.evaluation import BadKey
from services.vm_agent.job.naming import action_names, display_template
from services.vm_agent.job.site import Inside, Site
from services.vm_agent.job.state import step_context
from services.vm_agent.job.worked import Worked

StillWanted = Callable[[], Awaitable[bool]]
Do = Callable[[Site, str, bool, StillWanted, StepPart], Awaitable[Worked]]
"""Does the work of one step, given its name and whether it heeds a cancellation. What the step is, who uses a composite
action need not know."""
_OUTPUT = "action.outputs.<output_id>.value"


@dataclass(slots=True)
class CompositeRun:
    """One part of it: `pre`, `main` or `post`. `over` says that nothing more of it may begin."""

    site: Site
    use: Use
    inputs: Mapping[str, str]
    part: StepPart
    do: Do
    deadline: float
    over: Callable[[], bool]
    _worst: Worked | None = field(default=None)
    _inner: tuple[PlannedStep, ...] = field(init=False)
    _names: list[str] = field(init=False)

    def __post_init__(self) -> None:
        runs = cast("Composite", self.use.action.runs)
        self._inner = tuple(_planned(step, self.site.planned) for step in runs.steps)
        self._names = action_names(self._inner)

    async def run(self) -> Worked:
        """An error of ours in one of its steps ends it. Raises SandboxError."""
        await prepare_files(self.site.around, self.site.own_files())
        for index, planned, part in self._steps():
            if self.over():
                break
            await self._step(index, planned, part)
            if self._worst is not None and self._worst.outcome == "error":
                return self._worst
        outputs = await self._outputs() if self.part == "main" else {}
        worst = self._worst
        if worst is None:
            return Worked("success", outputs=outputs, answers=True)
        return Worked(worst.outcome, worst.exit_code, worst.why, outputs, answers=True, end=worst.end)

    def _steps(self) -> list[tuple[int, PlannedStep, StepPart]]:
        """What of it runs in this part, in its order; actions may have something before their own step, and after."""
        planned = self._inner
        before = [index for index, use in sorted(self.use.steps.items()) if use.has_pre and index not in self.use.begun]
        match self.part:
            case "pre":
                return [self._part_of(index, planned[index], "pre") for index in before]
            case "post":
                used = [index for index in reversed(self.use.begun) if self.use.steps[index].wants_post]
                return [self._part_of(index, planned[index], "post") for index in used]
            case "main" | "setup":
                main: list[tuple[int, PlannedStep, StepPart]] = [
                    (index, one, "main") for index, one in enumerate(planned)
                ]
                return [*(self._part_of(index, planned[index], "pre") for index in before), *main]

    def _part_of(self, index: int, planned: PlannedStep, part: StepPart) -> tuple[int, PlannedStep, StepPart]:
        return index, _with_condition(planned, condition_of(self.use.steps[index], part)), part

    async def _step(self, index: int, planned: PlannedStep, part: StepPart) -> None:
        """Raises SandboxError."""
        inner = self._site_of(index, planned)
        heeds_cancellation = not inner.around.cancellation.requested
        try:
            inner.env.update(await inner.evaluator().mapping(planned.env, inner.key("env")))
            wanted = await inner.evaluator().condition(planned.if_, inner.key("if"))
        except BadKey as error:
            await inner.output.error(str(error))
            await self._settle(inner, Worked("failure", why=str(error)), part)
            return
        if not wanted:
            if part == "main":
                self._remember(planned, {}, "skip", "skip")
            return

        async def still_wanted() -> bool:
            try:
                return await inner.evaluator().condition(planned.if_, inner.key("if"))
            except BadKey:
                return False

        worked = await self.do(inner, display_template(planned), heeds_cancellation, still_wanted, part)
        if worked.answers:
            await read_said(inner.around, inner.files, inner.output)
        await self._settle(inner, worked, part)

    async def _settle(self, inner: Site, worked: Worked, part: StepPart) -> None:
        said, planned = inner.output.said, inner.planned
        outcome: Result = "failure" if said.failed and worked.outcome == "success" else worked.outcome
        conclusion = await inner.conclusion(outcome)
        if inner.slot.use is not None:
            inner.slot.use.state.update(said.state)
        if part == "main":
            self._remember(planned, {**said.outputs, **(worked.outputs or {})}, outcome, conclusion)
        self._take_over(inner)
        if conclusion not in ("success", "skip") and self._worst is None:
            errors = [note.message for note in said.annotations if note.level == "error"]
            why = worked.why or (errors[-1] if errors else "")
            self._worst = Worked(conclusion, worked.exit_code, why, end=worked.end)

    def _take_over(self, inner: Site) -> None:
        """What a step said is said by the step that uses the action."""
        outer, said = self.site.output.said, inner.output.said
        outer.variables.update(said.variables)
        outer.paths.extend(said.paths)
        outer.annotations.extend(note for note in said.annotations if outer.has_room(note.level))
        self.site.output.tail = inner.output.tail or self.site.output.tail

    def _remember(self, planned: PlannedStep, outputs: Mapping[str, str], outcome: Result, conclusion: Result) -> None:
        if planned.id:
            self.use.seen[planned.id] = step_context(outputs, outcome, conclusion)

    async def _outputs(self) -> dict[str, str]:
        evaluator = self._site_of(0, self.site.planned).evaluator()
        outputs: dict[str, str] = {}
        for name, template in self.use.action.outputs.items():
            try:
                outputs[name] = await evaluator.text(template, _OUTPUT)
            except BadKey as error:
                await self.site.output.error(str(error))
                self._worst = self._worst or Worked("failure", why=str(error))
        return outputs

    def _site_of(self, index: int, planned: PlannedStep) -> Site:
        """As things are now: the contexts, the environment that the steps before have left."""
        inputs = cast("dict[str, Value]", dict(self.inputs))
        found = self.use.found
        github: dict[str, Value] = {
            "action_path": found.folder,
            "action_repository": found.repository,
            "action_ref": found.ref,
            "action_status": "failure" if self._worst is not None else "success",
        }
        contexts: dict[str, Value] = {"inputs": inputs, "steps": self.use.seen}
        inside = Inside(self.site, self.use, index, contexts, github, self._status, self.deadline)
        name = self._names[index] if self._names else "__run"
        return Site(self.site.around, planned, f"{self.site.action}.{name}", inside=inside)

    def _status(self) -> Status:
        """Before and after all steps there are none of its own to ask about."""
        state = self.site.around.state
        if self.part != "main":
            return status_of_job(state.status)
        failed = self._worst is not None and self._worst.outcome == "failure"
        return Status(success=self._worst is None and not state.cancelled, failure=failed, cancelled=state.cancelled)


def condition_of(use: Use, part: StepPart) -> str:
    """When a part of an action that is not its main one runs."""
    runs = use.action.runs
    if isinstance(runs, JavaScript | DockerRuns):
        return as_it_stands(runs.pre_if if part == "pre" else runs.post_if)
    return always


def _planned(step: Step, outer: PlannedStep) -> PlannedStep:
    return PlannedStep(
        index=outer.index,
        line=step.at.line,
        id=step.id,
        name=step.name,
        if_=step.condition,
        run=step.run,
        uses=step.uses,
        with_=step.with_,
        env=step.env,
        shell=step.shell,
        working_directory=step.working_directory,
        continue_on_error=step.continue_on_error,
    )


def _with_condition(planned: PlannedStep, condition: str) -> PlannedStep:
    return msgspec.structs.replace(planned, if_=condition)
