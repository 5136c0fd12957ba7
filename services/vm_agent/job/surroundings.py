"""What every step of a job has at hand, and the error that ends a job which Firebreak could not run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from libs.blobs.port import Blobs
from libs.workflow.runner.masking import Masker
from services.vm_agent.job.actions.actions import Actions
from services.vm_agent.job.containers.containers import Containers
from services.vm_agent.job.places import Places
from services.vm_agent.job.recipe import Story
from services.vm_agent.job.state import JobState
from services.vm_agent.job.supervision import Cancellation, Patience, Supervision
from services.vm_agent.log.job_log import JobLog
from services.vm_agent.log.matching.matchers import Matchers
from services.vm_agent.ports import Sources
from services.vm_agent.sandbox.protocol import Sandbox


class JobError(Exception):
    """Ours, not the user's: the job ends `error` and is tried again elsewhere."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    sandbox: Sandbox
    places: Places
    state: JobState
    masker: Masker
    log: JobLog
    matchers: Matchers
    sources: Sources
    actions: Actions
    blobs: Blobs
    cancellation: Cancellation
    patience: Patience
    clock: Callable[[], float]
    base_environment: Mapping[str, str]
    containers: Containers
    on_failure: Callable[[Story], Awaitable[None]] | None = None
    """Waited for at the first failing step, before the next one runs. None: nobody keeps what failed."""

    def supervision(self) -> Supervision:
        """Of what no step is, and ends with the job's cancellation."""
        return Supervision(
            cancellation=self.cancellation,
            patience=self.patience,
            clock=self.clock,
            limit_seconds=None,
            heeds_cancellation=True,
            still_wanted=_no,
        )


async def _no() -> bool:
    return False
