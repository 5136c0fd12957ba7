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
        return _ended_as(text, patched(text.replace("\r\n", "\n"), made, place))
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


def _ended_as(text: str, after: str) -> str:
    """Lines that stay keep their ends, new ones have what most have: a patch is of what it changes alone."""
    ended = text.splitlines(keepends=True)
    bare, lines = [line.replace("\r\n", "\n") for line in ended], after.splitlines(keepends=True)
    most = min(len(bare), len(lines))
    head = next((number for number in range(most) if bare[number] != lines[number]), most)
    tail = next((number for number in range(most - head) if bare[-1 - number] != lines[-1 - number]), most - head)
    end = "\r\n" if 2 * text.count("\r\n") > text.count("\n") else "\n"
    fresh = [line.replace("\n", end) for line in lines[head : len(lines) - tail]]
    return "".join([*ended[:head], *fresh, *ended[len(ended) - tail :]])


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
