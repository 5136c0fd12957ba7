"""A job: its environment, its steps in order, its outputs.

After a failure the steps whose condition does not ask for it are skipped; after a cancellation those of `always()` and
`cancelled()` still run. Whatever happens, every planned step is recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from libs.contracts.attempt import StepFinished, StepStarted
from libs.contracts.blobs import BlobRef
from libs.contracts.plan import PlannedStep
from libs.contracts.results import Result
from libs.contracts.run import CancelReason
from libs.workflow.expressions import to_string
from services.vm_agent.job.actions.setup import ActionSetup
from services.vm_agent.job.actions.use import Uses
from services.vm_agent.job.background import Background
from services.vm_agent.job.containers.setup import ContainerSteps
from services.vm_agent.job.control import ControlStep
from services.vm_agent.job.evaluation import BadKey, Evaluator
from services.vm_agent.job.hashing import hash_files
from services.vm_agent.job.naming import action_names
from services.vm_agent.job.outputs import JOB_OUTPUT_BYTES, stored_outputs
from services.vm_agent.job.parts import Part, parts_after, parts_before
from services.vm_agent.job.state import JobState
from services.vm_agent.job.step import Step
from services.vm_agent.job.surroundings import JobError, Surroundings
from services.vm_agent.log.job_log import OWN_WORDS
from services.vm_agent.ports import Record
from services.vm_agent.sandbox.protocol import SandboxError

_ENVIRONMENT_URL = "jobs.<job_id>.environment.url"
_URL_CHARACTERS = 2048
"""What browsers take; an event has a bound."""
_OUTPUT = "jobs.<job_id>.outputs.<output_id>"


@dataclass(frozen=True, slots=True)
class JobEnd:
    """`conclusion` is the job's as the agent sees it; `why`, the outputs and the URL hold no secret."""

    conclusion: Result
    outputs: dict[str, str] = field(default_factory=dict[str, str])
    outputs_blob: BlobRef | None = None
    why: str = ""
    environment_url: str = ""


class _Counting:
    """Knows which steps are recorded, so that a job that ends early can account for the others."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self.steps: set[int] = set()

    async def started(self, event: StepStarted) -> None:
        await self._record.started(event)

    def finished(self, event: StepFinished) -> None:
        self.steps.add(event.step)
        self._record.finished(event)


class Job:
    """Runs once, in a sandbox that is started."""

    def __init__(self, around: Surroundings, record: Record) -> None:
        self._around = around
        self._record = _Counting(record)
        self._planned = around.state.order.planned.steps
        self._actions = action_names(self._planned)
        self._background = Background()
        self._containers = ContainerSteps(around, self._record)
        self._why = ""

    def cancel(self, reason: CancelReason) -> None:
        """Ends what runs, as GitHub does; asking again changes nothing."""
        self._around.state.cancelled = True
        self._around.cancellation.request(reason)

    async def run(self) -> JobEnd:
        """Raises what the record raises: the attempt is no longer ours."""
        try:
            await self._make_places()
            missing = await ActionSetup(self._around, self._record).run()
            if missing:
                self._skip_all(missing)
            else:
                await self._run_within_containers()
            outputs = await self._outputs()
            url = await self._environment_url()
        except (JobError, SandboxError) as error:
            return self._gave_up(str(error))
        finally:
            await self._containers.clear()
        inline, blob = await stored_outputs(self._around.blobs, outputs)
        return JobEnd(self._conclusion(), inline, blob, self._around.masker.mask(self._why), url)

    async def _run_within_containers(self) -> None:
        bad = await self._bad_environment()
        if bad is None:
            await self._containers.initialize(self._evaluator())
        await self._run_steps(bad)
        await self._containers.stop()

    async def _run_steps(self, bad: str | None) -> None:
        try:
            if bad is None:
                await self._run_parts(parts_before)
            for planned in self._planned:
                if bad is None:
                    await self._run_step(planned)
                elif planned.index == 0:
                    await self._step(planned).fail(bad)
                else:
                    self._step(planned).skip("The job's environment could not be evaluated.")
            await self._background.wait(self._background.steps)
            await self._run_parts(parts_after)
        finally:
            await self._background.clear()

    async def _run_step(self, planned: PlannedStep) -> None:
        if planned.wait is not None or planned.cancel is not None:
            await ControlStep(self._around, planned, self._background, self._record).run()
            return
        step = self._step(planned)
        if not planned.background:
            await step.run()
        elif await step.begins():
            self._background.begin(planned.index, step)

    async def _run_parts(self, parts: Callable[[JobState, Uses], list[Part]]) -> None:
        around = self._around
        for planned, extra in parts(around.state, around.actions.uses):
            await Step(around, planned, self._actions[extra.of], self._record, extra).run()

    def _skip_all(self, why: str) -> None:
        self._why = why
        for planned in self._planned:
            self._step(planned).skip(f"Not run: {why}")

    def _step(self, planned: PlannedStep) -> Step:
        return Step(self._around, planned, self._actions[planned.index], self._record)

    async def _make_places(self) -> None:
        around = self._around
        await around.sandbox.make_folder(around.places.workspace)
        event = around.state.order.github.get("event")
        await around.sandbox.write_file(around.places.event, msgspec.json.encode(event if event is not None else {}))

    async def _bad_environment(self) -> str | None:
        """Evaluates `env` of the workflow and of the job; what is wrong with it, if anything is."""
        order, state = self._around.state.order, self._around.state
        try:
            state.env.update(await self._evaluator().mapping(order.env, "env"))
            state.env.update(await self._evaluator().mapping(order.planned.env, "jobs.<job_id>.env"))
        except BadKey as error:
            self._why = str(error)
            return self._why
        return None

    async def _outputs(self) -> dict[str, str]:
        """`outputs:` of the job. One that would show a secret is left out, as on GitHub."""
        outputs: dict[str, str] = {}
        try:
            for name, template in self._around.state.order.planned.outputs.items():
                value = await self._evaluator().text(template, _OUTPUT)
                if self._around.masker.holds_secret(value):
                    await self._say(f"##[warning]Skip output '{name}' since it may contain secret.")
                elif value:
                    outputs[name] = value
        except BadKey as error:
            await self._fail(f"Failed to evaluate job outputs: {error}")
            return {}
        size = sum(len(name) + len(value) for name, value in outputs.items())
        if size > JOB_OUTPUT_BYTES:
            await self._fail(f"The job's outputs have {size} characters, {JOB_OUTPUT_BYTES} are allowed.")
            return {}
        return outputs

    async def _environment_url(self) -> str:
        """`environment.url`, which may be made of what the steps said."""
        environment = self._around.state.order.planned.environment
        if environment is None:
            return ""
        try:
            if environment.url is not None:
                url = (await self._evaluator().text(environment.url, _ENVIRONMENT_URL)).strip()
            else:
                # All of `environment` may be one expression that gives the mapping.
                whole = await self._evaluator().value(environment.name, "jobs.<job_id>.environment")
                url = to_string(whole.get("url")).strip() if isinstance(whole, dict) else ""
        except BadKey as error:
            await self._fail(f"Failed to evaluate environment url: {error}")
            return ""
        if self._around.masker.holds_secret(url):
            name = environment.name
            await self._say(f"##[warning]Skip setting environment url as environment '{name}' may contain secret.")
            return ""
        if len(url) > _URL_CHARACTERS:
            await self._say(f"##[warning]Skip setting environment url: it is over {_URL_CHARACTERS} characters.")
            return ""
        return url

    async def _fail(self, why: str) -> None:
        self._around.state.failed = True
        self._why = why
        await self._say(f"##[error]{why}")

    async def _say(self, text: str) -> None:
        await self._around.log.write(OWN_WORDS, self._around.masker.mask(text).split("\n"))

    def _conclusion(self) -> Result:
        if self._around.cancellation.requested:
            return "timeout" if self._around.cancellation.reason == "timeout" else "cancellation"
        return "failure" if self._around.state.failed else "success"

    def _gave_up(self, why: str) -> JobEnd:
        why = self._around.masker.mask(why)
        for planned in self._planned:
            if planned.index not in self._record.steps:
                self._step(planned).skip(f"Not run: {why}")
        return JobEnd("error", why=why)

    def _evaluator(self) -> Evaluator:
        around = self._around
        scope = around.state.scope(around.state.github("", {}), around.state.env)
        where = f"{around.state.where}:{around.state.order.planned.line}"
        return Evaluator(scope, lambda patterns: hash_files(around.sandbox, around.places, patterns), where)
