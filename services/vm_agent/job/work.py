"""The work of a step, whatever it is, and what its end means."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from libs.contracts.results import Result
from services.vm_agent.job import script as scripts
from services.vm_agent.job.answers import prepare_files
from services.vm_agent.job.checkout import Checkout, CheckoutFailed, is_checkout, read_inputs
from services.vm_agent.job.evaluation import SECONDS_A_MINUTE, BadKey
from services.vm_agent.job.site import Site
from services.vm_agent.job.supervision import Ended, Supervision
from services.vm_agent.job.surroundings import JobError
from services.vm_agent.sandbox.protocol import CannotStart, Capability, Exit, FileTrouble, SandboxError

EXITED = "Process completed with exit code"
_STEPS = "jobs.<job_id>.steps"


@dataclass(frozen=True, slots=True)
class Worked:
    """How the work ended, before `continue-on-error`. `answers`: its runner files are there to be read."""

    outcome: Result
    exit_code: int | None = None
    why: str = ""
    outputs: Mapping[str, str] | None = None
    answers: bool = False


@dataclass(frozen=True, slots=True)
class Work:
    site: Site
    name: str
    heeds_cancellation: bool
    still_wanted: Callable[[], Awaitable[bool]]
    stop: asyncio.Event | None = None

    async def do(self) -> Worked:
        """An error of ours is an outcome here; only the end of the whole attempt is raised (CancelledError)."""
        output = self.site.output
        try:
            return await (self._script() if self.site.planned.run is not None else self._action())
        except (BadKey, CheckoutFailed) as error:
            await output.error(str(error))
            return Worked("failure", why=str(error))
        except CannotStart as error:
            await output.error(str(error))
            return Worked("failure", exit_code=error.code, why=str(error))
        except (JobError, SandboxError) as error:
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
        script = await scripts.prepared(site.around, site.planned, site.evaluator())
        await prepare_files(site.around, site.files)
        process = await scripts.start(site.around, script, site.environment(), site.output, site.env)
        ended = await supervision.watch(process)
        await site.output.end()
        return await self._stopped(ended, supervision) or await self._exited(ended.value)

    async def _exited(self, exit: Exit) -> Worked:
        if exit.code == 0:
            return Worked("success", exit_code=0, answers=True)
        why = " ".join([*_shortages(exit), f"{EXITED} {exit.code}."])
        await self.site.output.error(why)
        return Worked("failure", exit_code=exit.code, why=why, answers=True)

    async def _action(self) -> Worked:
        site = self.site
        uses = site.planned.uses or ""
        if not is_checkout(uses):
            raise CheckoutFailed(f"'uses: {uses}' is not run yet; actions/checkout is")
        supervision = await self._supervision()
        given = await site.evaluator().mapping(site.planned.with_, f"{_STEPS}.with")
        inputs = read_inputs(given, site.around.state.order.repository.full_name)
        ended = await supervision.watch(Checkout(site.around, inputs, site.output))
        return await self._stopped(ended, supervision) or Worked("success", outputs=ended.value)

    async def _stopped(
        self, ended: Ended[Exit] | Ended[dict[str, str] | None], supervision: Supervision
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
                timed_out = self.site.around.cancellation.reason == "timeout"
                why = "The job has reached its time limit." if timed_out else "The operation was canceled."
                outcome = "timeout" if timed_out else "cancellation"
        await self.site.output.error(why)
        return Worked(outcome, why=why, answers=self.site.planned.run is not None)

    async def _supervision(self) -> Supervision:
        """Evaluates the step's time limit. Raises BadKey."""
        around = self.site.around
        minutes = self.site.planned.timeout_minutes
        limit = await self.site.evaluator().seconds(minutes, f"{_STEPS}.timeout-minutes") if minutes else None
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
