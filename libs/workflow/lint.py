"""What is wrong with a workflow file: the one question that `firebreak lint`, and whoever checks before a push, asks.

Nothing but reading: what the parser would refuse is what this reports, by the same code. Other files of the repository
are asked for by their path; those of other repositories are not at hand, which is a warning. No I/O.
"""

from collections.abc import Callable, Iterator
from functools import cache, partial

from libs.workflow.actions.fitting import use_problems
from libs.workflow.actions.manifest import read_action
from libs.workflow.calls import BadCall, call_name, misfits
from libs.workflow.model import Job, Workflow
from libs.workflow.problems import Problem, sort_problems
from libs.workflow.reading.workflow import Reading, read_workflow

Read = Callable[[str], bytes | None]
"""The content of the repository's file of this path, None where there is none."""
Look = Callable[[str], Reading | None]
"""The same, read as a workflow: a file that many jobs call is read once."""


def lint(file: str, content: bytes, read: Read | None = None) -> list[Problem]:
    """All errors and warnings of a file, in the order of its lines; ``file`` is how they call it.

    Without ``read`` it is not known what the workflow calls, and nothing is said of that.
    """
    reading = read_workflow(file, content)
    if reading.workflow is None or read is None:
        return list(reading.problems)
    look = cache(partial(_look, read))
    around = [*_call_problems(reading.workflow, look), *use_problems(reading.workflow, read)]
    return list(sort_problems([*reading.problems, *around]))


def lint_action(file: str, content: bytes) -> list[Problem]:
    """The same of an ``action.yml``."""
    return list(read_action(file, content).problems)


def _call_problems(workflow: Workflow, look: Look) -> Iterator[Problem]:
    for job in workflow.jobs:
        if job.uses is None:
            continue
        try:
            name = call_name(job.uses)
        except BadCall as error:
            yield _problem(workflow, job, str(error))
            continue
        if name.owner:
            message = "it is in another repository: whether the call fits it is seen when the workflow runs"
            yield _problem(workflow, job, message, warning=True)
            continue
        yield from (_problem(workflow, job, message) for message in _misfits(job, name.path, look))


def _misfits(job: Job, path: str, look: Look) -> list[str]:
    called = look(path)
    if called is None:
        return [f"there is no {path}"]
    if called.workflow is None:
        first = next(problem for problem in called.problems if problem.severity == "error")
        return [f"it has errors, the first of them: {first.render()}"]
    circle = _circle((path,), called.workflow, look)
    if circle:
        return [f"it leads back to itself: {' calls '.join(circle)}"]
    return misfits(job, called.workflow.on.workflow_call)


def _look(read: Read, path: str) -> Reading | None:
    content = read(path)
    return None if content is None else read_workflow(path, content)


def _circle(way: tuple[str, ...], workflow: Workflow, look: Look, seen: set[str] | None = None) -> tuple[str, ...]:
    """The paths of a circle that the last of the way is on; empty where there is none. A file is looked into once."""
    seen = set() if seen is None else seen
    for job in workflow.jobs:
        path = _local(job)
        if path in way:
            return (*way[way.index(path) :], path)
        if not path or path in seen:
            continue
        seen.add(path)
        called = look(path)
        if called is not None and called.workflow is not None:
            found = _circle((*way, path), called.workflow, look, seen)
            if found:
                return found
    return ()


def _local(job: Job) -> str:
    """The path of the workflow of the same repository that the job calls; empty for any other job."""
    try:
        name = None if job.uses is None else call_name(job.uses)
    except BadCall:
        return ""
    return "" if name is None or name.owner else name.path


def _problem(workflow: Workflow, job: Job, message: str, *, warning: bool = False) -> Problem:
    at = job.uses_at or job.at
    return Problem(
        workflow.file,
        at.line,
        at.column,
        f"`uses: {job.uses}`: {message}",
        "warning" if warning else "error",
        f"jobs.{job.id}.uses",
    )
