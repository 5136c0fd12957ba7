"""A proposal as a patch to a workflow file: made against the file as it is, and valid, or not made at all."""

from __future__ import annotations

import difflib

from libs.contracts.model import ProposalMade, ProposalPlace
from libs.workflow.lint import lint
from libs.workflow.patching import NotPatched, ShellStep, step_at, with_runs_on, with_steps
from libs.workflow.reading.workflow import read_workflow


def patched(text: str, made: ProposalMade, place: ProposalPlace) -> str:
    """The file with the proposal in place. Raises NotPatched, also where it would have new errors."""
    if "\r\n" in text:
        return patched(text.replace("\r\n", "\n"), made, place).replace("\n", "\r\n")
    steps = [ShellStep(step.name, step.run) for step in made.steps]
    match made.about:
        case "runs-on":
            after = with_runs_on(text, place.job, made.runs_on)
        case "uses":
            job, step = _still_there(text, made, place)
            after = with_steps(text, job, step, steps)
        case "rejected":
            found = step_at(text, place.line)
            if found is None or not steps:
                raise NotPatched(f"line {place.line} is of no step: take up the proposal by hand")
            after = with_steps(text, *found, steps)
    known = {problem.message for problem in lint(place.path, text.encode()) if problem.severity == "error"}
    fresh = [
        problem
        for problem in lint(place.path, after.encode())
        if problem.severity == "error" and problem.message not in known
    ]
    if fresh:
        raise NotPatched(f"the file would have an error: {fresh[0].render()}")
    return after


def _still_there(text: str, made: ProposalMade, place: ProposalPlace) -> tuple[str, int]:
    """Where the action stands now. Raises NotPatched where the file has changed and it is there no more."""
    workflow = read_workflow(place.path, text.encode()).workflow
    if workflow is None:
        raise NotPatched("the file has errors: `firebreak lint` names them")
    job = next((job for job in workflow.jobs if job.id == place.job), None)
    if job is None:
        raise NotPatched(f"the file has no job {place.job} any more")
    asked = [index for index, step in enumerate(job.steps) if step.uses == made.subject]
    if place.step in asked:
        return place.job, place.step
    if len(asked) != 1:
        raise NotPatched(f"job {place.job} has no step that uses {made.subject} any more")
    return place.job, asked[0]


def diff(path: str, before: str, after: str) -> str:
    """A unified diff that `git apply` takes."""
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), f"a/{path}", f"b/{path}"
    )
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
