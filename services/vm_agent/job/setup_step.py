"""A step that the plan does not have, of what a job needs around its own: recorded as they are, with `part` `setup`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from libs.contracts.attempt import StepFinished, StepStarted
from libs.contracts.results import Result
from libs.failures.categories import UNKNOWN_END
from libs.workflow.runner.commands import CommandReader
from services.vm_agent.job.diagnosis import diagnosed
from services.vm_agent.job.surroundings import JobError, Surroundings
from services.vm_agent.log.step_output import StepOutput
from services.vm_agent.ports import Record

Work = Callable[[StepOutput], Awaitable[tuple[Result, str]]]
"""How it ended, and why, empty for a success."""


async def set_up(
    around: Surroundings, record: Record, name: str, work: Work, lacking: Sequence[int] = ()
) -> tuple[Result, str]:
    """The answer of the work, masked; its failure is the job's. Raises JobError where it is Firebreak that failed.

    `lacking` is read when the work is done: the steps whose actions it could not get.
    """
    index, begun, first_line = around.state.beyond_plan(), around.clock(), around.log.lines
    reader = CommandReader(environment={}, workspace=around.places.workspace)
    output = StepOutput(index, around.log, around.masker, reader, debug=around.state.debug)
    await record.started(StepStarted(index, name, part="setup"))
    outcome, why = await work(output)
    if why:
        await output.error(why)
    why = around.masker.mask(why)
    around.state.failed = around.state.failed or outcome == "failure"
    await around.log.end_step(index, failed=outcome != "success")
    event = StepFinished(
        step=index,
        name=name,
        outcome=outcome,
        conclusion=outcome,
        duration_ms=round((around.clock() - begun) * 1000, 3),
        annotations=tuple(output.said.annotations),
        first_line=first_line,
        lines=around.log.lines - first_line,
        why=why,
        part="setup",
        lacking=tuple(lacking),
    )
    record.finished(diagnosed(event, around, UNKNOWN_END, [why], ()))
    await around.log.flush()
    if outcome == "error":
        raise JobError(why)
    return outcome, why
