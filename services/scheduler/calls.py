"""Jobs that call a workflow: what the call comes to when the job is ready, and how it ends when all that it called did.

The jobs of a called workflow are jobs of the run like any other (`called_jobs`); only their beginning and their end
are here. What they may use of the caller's is `grants`.
"""

from __future__ import annotations

from typing import cast

from msgspec.structs import replace

from libs.contracts.ids import JobKey
from libs.contracts.plan import CalledWorkflow, JsonObject, PlannedJob
from libs.contracts.results import Result, worst
from libs.contracts.run import CallExpanded, CancelReason, JobFinished, RunEvent
from libs.workflow.calls import BadCall, bound_inputs
from libs.workflow.expressions import (
    ExpressionError,
    HashFilesWanted,
    Scope,
    availability_of,
    evaluate_string,
    evaluate_text,
)
from services.scheduler import contexts, job_keys
from services.scheduler.ending import finish
from services.scheduler.job_keys import BadKey
from services.scheduler.run_state import DONE, Job, Run, below

MAX_JOBS = 5_000
"""Of one run, with all that is called: its state is one aggregate, and is folded and decided as a whole."""
MAX_OUTPUT_CHARACTERS = 256 * 1024
"""Of all outputs of a called workflow together: they stand in one event, and a message may be 1 MiB."""
MAX_INPUT_CHARACTERS = 256 * 1024
"""The same of the inputs of one call."""
OUTPUT = "on.workflow_call.outputs.<output_id>.value"
DEFAULT = "on.workflow_call.inputs.<inputs_id>.default"
WITH = "jobs.<job_id>.with.<with_id>"


def calling(run: Run, job: Job, scope: Scope, before: int = 0) -> CallExpanded | JobFinished:
    """What a ready job that calls a workflow becomes; `scope` is that of its keys, `before` how many of its matrix
    are called in the same decision.
    """
    planned = run.planned[job.job_id]
    called = run.plan.called.get(planned.calls)
    if called is None:
        return finish(job, "error", f"the plan lacks the workflow that it calls, {planned.uses}")
    if len(run.jobs) + len(called.jobs) * (1 + before) > MAX_JOBS:
        return finish(job, "failure", f"the run would have over {MAX_JOBS} jobs with those of {planned.uses}")
    try:
        name = below(run.caller_of(job.job_id), job_keys.name(planned, scope))
        return CallExpanded(job.key, job.job_id, name, _inputs(planned, called, scope), run.run_attempt)
    except BadKey as error:
        return finish(job, "failure", str(error))


def room(run: Run, job_id: str) -> int | None:
    """How many more of a matrix may be called now, None for any number: `max-parallel` of a matrix of calls counts
    calls. It is theirs here, since only jobs with steps are placed.
    """
    expansion = run.expansions.get(job_id)
    if expansion is None or expansion.max_parallel is None:
        return None
    return expansion.max_parallel - sum(each.phase == "calling" for each in run.of(job_id))


def ended_calls(run: Run) -> list[RunEvent]:
    """The ends of the calls of which all jobs are over; each ends as the worst of them."""
    if not run.calls:
        return []
    inside: dict[JobKey, list[Job]] = {key: [] for key in run.calls}
    for job in run.jobs.values():
        caller = run.callers.get(job.job_id)
        if caller is not None:
            inside[caller].append(job)
    open_calls = [(run.jobs[key], called) for key, called in inside.items() if run.jobs[key].phase == "calling"]
    return [_ended(run, job, called) for job, called in open_calls if all(each.phase in DONE for each in called)]


def _ended(run: Run, job: Job, called: list[Job]) -> JobFinished:
    conclusions: list[Result] = [each.conclusion for each in called if each.conclusion is not None]
    reason = job.cancel or run.cancel_reason(job.job_id)
    outcome = worst(conclusions if reason is None else [*conclusions, *_cut_short(conclusions, reason)])
    try:
        outputs = _outputs(run, job)
    except BadKey as error:
        return finish(job, worst([outcome, "failure"]), str(error))
    return replace(finish(job, outcome, _why(called, outcome)), outputs=outputs)


def _cut_short(conclusions: list[Result], reason: CancelReason) -> list[Result]:
    """A cancelled call of which everything had succeeded by then is a success."""
    if all(conclusion == "success" for conclusion in conclusions):
        return []
    return ["timeout" if reason == "timeout" else "cancellation"]


def _why(called: list[Job], outcome: Result) -> str:
    if outcome == "success":
        return ""
    if outcome == "skip":
        return "every job of the called workflow was skipped"
    guilty = [job for job in called if job.conclusion == outcome]
    return f"{min(guilty, key=lambda job: job.finish).name} ended in {outcome}" if guilty else "it was cancelled"


def _inputs(planned: PlannedJob, called: CalledWorkflow, scope: Scope) -> JsonObject:
    """Raises BadKey."""
    where = f"`with` of job {planned.id} (line {planned.line})"
    try:
        given = {
            name: evaluate_string(value, scope, availability_of(WITH)) if isinstance(value, str) else value
            for name, value in planned.with_.items()
        }
        found = bound_inputs(called.inputs, given, lambda text: evaluate_string(text, scope, availability_of(DEFAULT)))
    except (BadCall, ExpressionError, HashFilesWanted) as error:
        raise BadKey(f"{where}: {error}") from None
    if sum(len(value) for value in found.values() if isinstance(value, str)) > MAX_INPUT_CHARACTERS:
        raise BadKey(f"{where}: its values are over {MAX_INPUT_CHARACTERS} characters together")
    return cast(JsonObject, found)


def _outputs(run: Run, job: Job) -> dict[str, str]:
    """Raises BadKey."""
    call = run.calls[job.key]
    called = run.plan.called[call.workflow]
    scope = contexts.scope_of_outputs(run, job)
    found: dict[str, str] = {}
    for name, template in called.outputs.items():
        try:
            value = evaluate_text(template, scope, availability_of(OUTPUT))
        except (ExpressionError, HashFilesWanted) as error:
            raise BadKey(f"output `{name}` of {called.path}: {error}") from None
        if value:
            found[name] = value
    if sum(len(name) + len(value) for name, value in found.items()) > MAX_OUTPUT_CHARACTERS:
        raise BadKey(f"the outputs of {called.path} are over {MAX_OUTPUT_CHARACTERS} characters together")
    return found
