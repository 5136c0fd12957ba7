"""One step, from its condition to its StepFinished.

The order is that of GitHub's runner: `env`, then `if`, then the name, then the work, then `continue-on-error`. A key
that cannot be evaluated fails the step and says where it stands. A step that is skipped has its StepFinished too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec.structs

from libs.contracts.attempt import StepFinished, StepPart, StepStarted
from libs.contracts.blobs import BlobRef
from libs.contracts.plan import PlannedStep
from libs.contracts.results import Result
from services.vm_agent.job.answers import read_answers
from services.vm_agent.job.diagnosis import command_of, diagnosed
from services.vm_agent.job.evaluation import BadKey
from services.vm_agent.job.naming import display_template, shortened
from services.vm_agent.job.outputs import stored_outputs
from services.vm_agent.job.recipe import Story
from services.vm_agent.job.site import Site
from services.vm_agent.job.surroundings import JobError, Surroundings
from services.vm_agent.job.work import EXITED, Work
from services.vm_agent.job.worked import Worked
from services.vm_agent.ports import Record
from services.vm_agent.sandbox.protocol import SandboxError

TIME_IS_OVER = "The time that a cancelled job has for its remaining steps is over."


@dataclass(frozen=True, slots=True)
class Done:
    """A step's work is over, and nobody was told yet."""

    worked: Worked
    summary: BlobRef | None
    duration_ms: float
    lines: int


@dataclass(frozen=True, slots=True)
class Extra:
    """What a step is that the plan does not have: a part of the action of the step `of`, in whose name it stands."""

    part: StepPart
    of: int
    prefix: str


class Step:
    """Used once. `action` is its `github.action`.

    `run` is all of it. For a step in the background the same comes in three: `begins` where the loop meets it, `work`
    beside the loop, `settle` where the loop waits for it: until then no other step sees what it did.
    """

    def __init__(
        self, around: Surroundings, planned: PlannedStep, action: str, record: Record, extra: Extra | None = None
    ) -> None:
        self._around, self._planned, self._record = around, planned, record
        self._part: StepPart = "main" if extra is None else extra.part
        self._of = None if extra is None else extra.of
        self._prefix = "" if extra is None else extra.prefix
        self._site = Site(around, planned, action, of=self._of)
        self._heeds_cancellation = True
        self._begun = around.clock()
        self._first_line = around.log.lines
        self._name = shortened(around.masker.mask(self._prefix + display_template(planned)))

    @property
    def name(self) -> str:
        return self._name

    async def run(self) -> None:
        """Raises JobError, the step being recorded, where it was Firebreak that failed."""
        if await self.begins():
            await self.settle(await self.work())

    async def begins(self) -> bool:
        """Whether it is to run; where it is not, that is recorded. Raises JobError.

        What is requested from here on is for this step, however long it waits for its turn.
        """
        self._heeds_cancellation = not self._around.cancellation.requested
        if self._around.cancellation.expired:
            self._record_unrun("cancellation", TIME_IS_OVER)
            return False
        try:
            wanted = await self._is_wanted()
        except BadKey as error:
            await self.fail(str(error))
            return False
        except SandboxError as error:
            await self.settle(self._done(Worked("error", why=str(error)), None))
            return False
        if not wanted:
            self._record_unrun("skip", "")
            return False
        await self._set_name()
        return True

    async def work(self, stop: asyncio.Event | None = None) -> Done:
        """`stop` ends it before its time, as a cancellation does."""
        await self._record.started(self._started())
        work = Work(self._site, self._name, self._heeds_cancellation, self._still_wanted, stop, self._part)
        worked, summary = await self._answers(await work.do())
        if self._site.slot.use is not None:
            self._site.slot.use.state.update(self._site.output.said.state)
        await self._end_log(failed=worked.outcome != "success" or self._site.output.said.failed)
        return self._done(worked, summary)

    def skip(self, why: str) -> None:
        """It will not run, and is accounted for."""
        self._record_unrun("skip", why)

    def stopped(self, why: str) -> None:
        """It was in the background and is ended before it did anything."""
        self._record_unrun("cancellation", why, counts="skip")

    async def fail(self, why: str) -> None:
        """Something before its work went wrong."""
        await self._record.started(self._started())
        await self._site.output.error(why)
        await self._end_log(failed=True)
        await self.settle(self._done(Worked("failure", why=why), None))

    async def settle(self, done: Done, *, forgiven: bool = False, ended_on_purpose: bool = False) -> Result:
        """Takes in what the step said, decides its conclusion, records it; the answer is the conclusion.

        `forgiven`: whoever waits for it goes on after a failure. `ended_on_purpose`: a step of the job ended it, and
        that is nobody's failure.
        """
        output, state, worked = self._site.output, self._around.state, done.worked
        outcome: Result = "failure" if output.said.failed and worked.outcome == "success" else worked.outcome
        conclusion = await self._site.conclusion(outcome)
        outputs = {**output.said.outputs, **(worked.outputs or {})}
        state.add_variables(output.said.variables, tuple(output.said.paths))
        if self._planned.id:
            state.remember(self._planned.id, outputs, outcome, conclusion)
        counts: Result = "success" if forgiven and conclusion == "failure" else conclusion
        if ended_on_purpose and outcome == "cancellation":
            counts = "skip"
        fails_first = counts == "failure" and not state.failed
        state.failed = state.failed or counts == "failure"
        event = self._event(outcome, counts, done)
        why = worked.why or (_last_error(event) if outcome == "failure" else "")
        event = msgspec.structs.replace(event, why=self._around.masker.mask(why), summary=done.summary)
        self._record.finished(await self._with_outputs(event, outputs))
        await self._around.log.flush()
        if outcome == "error":
            raise JobError(why)
        if fails_first:
            await self._tell_failure()
        return conclusion

    async def _end_log(self, *, failed: bool) -> None:
        await self._around.log.end_step(self._planned.index, failed=failed)
        await self._around.log.flush()

    def _started(self) -> StepStarted:
        return StepStarted(self._planned.index, self._name, self._part, self._of)

    def _done(self, worked: Worked, summary: BlobRef | None) -> Done:
        around = self._around
        passed = round((around.clock() - self._begun) * 1000, 3)
        return Done(worked, summary, passed, around.log.lines - self._first_line)

    async def _is_wanted(self) -> bool:
        """Evaluates `env` and `if`. Raises BadKey."""
        own = self._planned.env
        if own:
            self._site.env.update(await self._site.evaluator().mapping(own, self._site.key("env")))
        return await self._condition()

    async def _condition(self) -> bool:
        return await self._site.evaluator().condition(self._planned.if_, self._site.key("if"))

    async def _still_wanted(self) -> bool:
        try:
            return await self._condition()
        except BadKey:
            return False

    async def _set_name(self) -> None:
        """A name that cannot be evaluated stays as it is written, as on GitHub."""
        try:
            name = await self._site.evaluator().text(display_template(self._planned), self._site.key("name"))
        except (BadKey, SandboxError):
            return
        self._name = shortened(self._around.masker.mask(self._prefix + name))

    async def _tell_failure(self) -> None:
        """While everything is as the step left it."""
        around, index = self._around, self._planned.index
        if around.on_failure is None:
            return
        recipes = tuple(around.state.recipes)
        ran = next((recipe for recipe in recipes if recipe.index == index), None)
        env = self._site.environment() if ran is None else ran.env
        folder = around.places.workspace if ran is None else ran.folder
        await around.on_failure(Story(index, env, folder, recipes))

    async def _answers(self, worked: Worked) -> tuple[Worked, BlobRef | None]:
        if not worked.answers:
            return worked, None
        try:
            return worked, await read_answers(self._around, self._site.files, self._site.output)
        except SandboxError as error:
            return Worked("error", why=str(error)), None

    async def _with_outputs(self, event: StepFinished, outputs: Mapping[str, str]) -> StepFinished:
        """Outputs as they may be stored: masked. Only a step with an id has outputs that anything can refer to."""
        if not outputs or not self._planned.id:
            return event
        mask = self._around.masker.mask
        masked = {mask(name): mask(value) for name, value in outputs.items()}
        inline, blob = await stored_outputs(self._around.blobs, masked)
        return msgspec.structs.replace(event, outputs=inline, outputs_blob=blob)

    def _record_unrun(self, result: Result, why: str, counts: Result | None = None) -> None:
        if self._planned.id:
            self._around.state.remember(self._planned.id, {}, result, result)
        event = self._event(result, counts or result, Done(Worked(result), None, 0, 0))
        self._record.finished(msgspec.structs.replace(event, why=self._around.masker.mask(why)))

    def _event(self, outcome: Result, conclusion: Result, done: Done) -> StepFinished:
        output, order = self._site.output, self._around.state.order
        errors = [note.message for note in output.said.annotations if note.level == "error"]
        told = [message for message in errors if not message.startswith(EXITED)]
        event = StepFinished(
            step=self._planned.index,
            name=self._name,
            part=self._part,
            of=self._of,
            outcome=outcome,
            conclusion=conclusion,
            duration_ms=done.duration_ms,
            exit_code=done.worked.exit_code,
            annotations=tuple(output.said.annotations),
            first_line=self._first_line,
            lines=done.lines,
            command=command_of(self._planned, order.planned.defaults.shell or order.defaults.shell),
        )
        return diagnosed(event, self._around, done.worked.end, told, output.tail)


def _last_error(event: StepFinished) -> str:
    return next((note.message for note in reversed(event.annotations) if note.level == "error"), "")
