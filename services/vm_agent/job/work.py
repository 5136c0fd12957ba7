"""The work of a step, whatever it is, and what its end means."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from libs.contracts.attempt import StepPart
from libs.contracts.results import Result
from libs.failures.categories import End
from libs.workflow.actions.model import Composite, Docker, JavaScript
from libs.workflow.actions.uses import Image
from services.vm_agent.job import script as scripts
from services.vm_agent.job.actions import javascript
from services.vm_agent.job.actions.composite import CompositeRun
from services.vm_agent.job.actions.inputs import read_inputs
from services.vm_agent.job.actions.preparing import prepare, reference_of
from services.vm_agent.job.actions.use import ActionFailed, OutOfReach, Use
from services.vm_agent.job.answers import prepare_files
from services.vm_agent.job.checkout import CheckoutFailed, check_out, is_checkout
from services.vm_agent.job.checkout import read_inputs as read_checkout_inputs
from services.vm_agent.job.containers import docker_action
from services.vm_agent.job.containers.once import Once
from services.vm_agent.job.containers.refused import BadContainer
from services.vm_agent.job.diagnosis import end_of
from services.vm_agent.job.evaluation import SECONDS_A_MINUTE, BadKey
from services.vm_agent.job.prelude import action_prelude
from services.vm_agent.job.site import Site
from services.vm_agent.job.supervision import Awaited, Ended, Supervision
from services.vm_agent.job.surroundings import JobError
from services.vm_agent.job.worked import Worked
from services.vm_agent.sandbox.protocol import CannotStart, Capability, Exit, FileTrouble, SandboxError

EXITED = "Process completed with exit code"


@dataclass(frozen=True, slots=True)
class Work:
    """`part` is what of a step's action is to run; a script has nothing but its main part."""

    site: Site
    name: str
    heeds_cancellation: bool
    still_wanted: Callable[[], Awaitable[bool]]
    stop: asyncio.Event | None = None
    part: StepPart = "main"

    async def do(self) -> Worked:
        """An error of ours is an outcome here; only the end of the whole attempt is raised (CancelledError)."""
        output = self.site.output
        try:
            return await (self._script() if self.site.planned.run is not None else self._action())
        except (BadKey, BadContainer, CheckoutFailed, ActionFailed) as error:
            await output.error(str(error))
            return Worked("failure", why=str(error))
        except CannotStart as error:
            await output.error(str(error))
            return Worked("failure", exit_code=error.code, why=str(error))
        except (JobError, OutOfReach, SandboxError) as error:
            await output.error(str(error))
            return Worked("failure" if self._is_the_jobs_own(error) else "error", why=str(error))
        finally:
            self.site.around.state.touched = True

    def _is_the_jobs_own(self, error: Exception) -> bool:
        """On a disk that nobody else writes to, a file that resists after steps have run resists because of them: full,
        made read-only, removed. Another machine would end the same way."""
        around = self.site.around
        own_disk = Capability.DISK_LIMIT in around.sandbox.capabilities
        return isinstance(error, FileTrouble) and own_disk and around.state.touched

    async def _script(self) -> Worked:
        site = self.site
        supervision = await self._supervision()
        script = await scripts.prepared(site)
        await prepare_files(site.around, site.own_files())
        process = await scripts.start(site, script)
        ended = await supervision.watch(process)
        await site.output.end()
        return await self._stopped(ended, supervision) or await self._exited(ended.value)

    async def _exited(self, exit: Exit) -> Worked:
        if exit.code == 0:
            return Worked("success", exit_code=0, answers=True)
        why = " ".join([*_shortages(exit), f"{EXITED} {exit.code}."])
        await self.site.output.error(why)
        return Worked("failure", exit_code=exit.code, why=why, answers=True, end=end_of(exit))

    # Actions

    async def _action(self) -> Worked:
        site = self.site
        uses = site.planned.uses or ""
        supervision = await self._supervision()
        if is_checkout(uses):
            return await self._checkout(supervision)
        if isinstance(reference_of(uses), Image):
            return await self._image(uses, supervision)
        use = site.slot.use or await prepare(site.around.actions, site.slot, uses)
        inputs = await read_inputs(site, use.action, tell=self.part == "main")
        if self.part == "main" or site.inside is None:
            await site.output.print(action_prelude(uses, self.part, inputs, site.env), wait=True)
        if self.part == "main" and use.lacks_its_pre:
            await site.output.warning(f"`pre` execution is not supported for local action from '{uses}'")
        site.slot.begin()
        match use.action.runs:
            case JavaScript() as runs:
                return await self._javascript(use, runs, inputs, supervision)
            case Composite():
                return await self._composite(use, inputs, supervision)
            case Docker() as runs:
                return await self._docker(use, runs, inputs, supervision)

    async def _checkout(self, supervision: Supervision) -> Worked:
        site = self.site
        given = await site.evaluator().mapping(site.planned.with_, site.key("with"))
        inputs = read_checkout_inputs(given, site.around.state.order.repository.full_name)
        ended = await supervision.watch(Awaited(check_out(site.around, inputs, site.output)))
        return await self._stopped(ended, supervision) or Worked("success", outputs=ended.value)

    async def _javascript(
        self, use: Use, runs: JavaScript, inputs: Mapping[str, str], supervision: Supervision
    ) -> Worked:
        site = self.site
        found = use.found
        site.github.update(
            action_path=found.folder, action_repository=found.repository or None, action_ref=found.ref or None
        )
        file = javascript.file_of(runs, self.part)
        if file is None:
            return Worked("success")
        process = await javascript.start(site, use, file, runs.major, inputs)
        ended = await supervision.watch(process)
        await site.output.end()
        stopped = await self._stopped(ended, supervision)
        if stopped is not None or ended.value.code == 0:
            return stopped or Worked("success", exit_code=0, answers=True)
        said = [note.message for note in site.output.said.annotations if note.level == "error"]
        if not said:
            return await self._exited(ended.value)
        # An action that says why it failed (`core.setFailed`) has said it.
        return Worked("failure", ended.value.code, said[-1], answers=True, end=end_of(ended.value))

    async def _docker(self, use: Use, runs: Docker, inputs: Mapping[str, str], supervision: Supervision) -> Worked:
        site, found = self.site, use.found
        if not docker_action.runs_in(runs, self.part):
            return Worked("success")
        site.github.update(
            action_path=found.folder, action_repository=found.repository or None, action_ref=found.ref or None
        )
        await prepare_files(site.around, site.own_files())
        return await self._contained(await docker_action.start_action(site, use, runs, self.part, inputs), supervision)

    async def _image(self, uses: str, supervision: Supervision) -> Worked:
        """A step `docker://image`."""
        site = self.site
        inputs = await site.evaluator().mapping(site.planned.with_, site.key("with"))
        await site.output.print(action_prelude(uses, self.part, inputs, site.env), wait=True)
        await prepare_files(site.around, site.own_files())
        return await self._contained(await docker_action.start_image(site, uses, inputs), supervision)

    async def _contained(self, once: Once, supervision: Supervision) -> Worked:
        ended = await supervision.watch(once)
        await self.site.output.end()
        return await self._stopped(ended, supervision) or await self._exited(ended.value)

    async def _composite(self, use: Use, inputs: Mapping[str, str], supervision: Supervision) -> Worked:
        around = self.site.around
        deadline = around.clock() + (
            supervision.limit_seconds if supervision.limit_seconds is not None else float("inf")
        )

        def is_late() -> bool:
            return around.clock() >= deadline

        def is_over() -> bool:
            return is_late() or around.cancellation.expired or (self.stop is not None and self.stop.is_set())

        async def do(
            site: Site, name: str, heeds: bool, still_wanted: Callable[[], Awaitable[bool]], part: StepPart
        ) -> Worked:
            return await Work(site, name, heeds, still_wanted, self.stop, part).do()

        worked = await CompositeRun(self.site, use, inputs, self.part, do, deadline, is_over).run()
        if is_late():
            stopped = await self._stopped(Ended(None, "limit"), supervision)
            return worked if stopped is None else replace(stopped, outputs=worked.outputs, answers=True)
        return worked

    # Ends

    async def _stopped(
        self, ended: Ended[Exit] | Ended[dict[str, str] | None] | Ended[None], supervision: Supervision
    ) -> Worked | None:
        """A step at its own limit is a failure, as on GitHub; one at the job's limit says `timeout`."""
        match ended.stopped_by:
            case None:
                return None
            case "limit":
                minutes = f"{(supervision.limit_seconds or 0) / SECONDS_A_MINUTE:g}"
                why = f"The action '{self.name}' has timed out after {minutes} minutes."
                outcome: Result = "failure"
            case "request":
                why = "The step was canceled by a later step of the job."
                outcome = "cancellation"
            case "cancellation":
                outcome, why = self.site.around.cancellation.end
        await self.site.output.error(why)
        end = End(time_limit=ended.stopped_by == "limit")
        return Worked(outcome, why=why, answers=not is_checkout(self.site.planned.uses or ""), end=end)

    async def _supervision(self) -> Supervision:
        """Evaluates the step's time limit; within a composite action it is what is left of the outer step's. Raises
        BadKey."""
        around, inside = self.site.around, self.site.inside
        minutes = self.site.planned.timeout_minutes
        limit = await self.site.evaluator().seconds(minutes, self.site.key("timeout-minutes")) if minutes else None
        if inside is not None and inside.deadline != float("inf"):
            limit = max(0.0, inside.deadline - around.clock())
        return Supervision(
            cancellation=around.cancellation,
            patience=around.patience,
            clock=around.clock,
            limit_seconds=limit,
            heeds_cancellation=self.heeds_cancellation,
            still_wanted=self.still_wanted,
            stop=self.stop,
        )


def _shortages(exit: Exit) -> list[str]:
    """What ran out, in words: a step that failed for that seldom says it well itself."""
    said: list[str] = []
    if exit.out_of_memory:
        said.append("A process was ended because the job's memory is used up.")
    if exit.full:
        said.append(f"No space is left in {', '.join(exit.full)}.")
    return said
