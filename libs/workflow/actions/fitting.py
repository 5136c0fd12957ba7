"""Whether the steps of a workflow fit the actions of the same repository that they use: what is there, and its inputs.

Nothing here is more than a doubt but an action that is broken: a step before may bring another folder, and what an
action must have, it asks for itself.
"""

from collections.abc import Callable, Iterable, Iterator

from libs.workflow.actions.manifest import Manifest, read_action
from libs.workflow.actions.model import Action, Docker
from libs.workflow.actions.uses import BadUses, Local, Same, parse_uses
from libs.workflow.model import Job, Step, Workflow
from libs.workflow.problems import Problem, Severity

Read = Callable[[str], bytes | None]
"""The content of the repository's file of this path, None where there is none."""
names = ("action.yml", "action.yaml")


def use_problems(workflow: Workflow, read: Read) -> Iterator[Problem]:
    """Of every step that uses an action of its own repository; an action is read once."""
    known: dict[str, Manifest | None] = {}
    for job in workflow.jobs:
        for step in _all_steps(job.steps):
            folder = _folder(step)
            if folder is None or folder.startswith(".."):
                continue
            if folder not in known:
                known[folder] = _manifest(folder, read)
            yield from _problems(workflow, job, step, known[folder])


def _all_steps(steps: tuple[Step, ...]) -> Iterator[Step]:
    for step in steps:
        yield step
        yield from _all_steps(step.parallel)


def _folder(step: Step) -> str | None:
    """The folder in the repository that a step's action is in; None for any other step."""
    try:
        reference = None if step.uses is None else parse_uses(step.uses)
    except BadUses:
        return None
    return reference.path if isinstance(reference, Local | Same) else None


def _manifest(folder: str, read: Read) -> Manifest | None:
    """None where there is no action. One that is a Dockerfile alone declares nothing that could be looked at."""
    for name in names:
        path = name if folder in ("", ".") else f"{folder}/{name}"
        content = read(path)
        if content is not None:
            return read_action(path, content)
    dockerfile = "Dockerfile" if folder in ("", ".") else f"{folder}/Dockerfile"
    return None if read(dockerfile) is None else Manifest(None, ())


def _problems(workflow: Workflow, job: Job, step: Step, manifest: Manifest | None) -> Iterator[Problem]:
    def problem(message: str, severity: Severity = "warning") -> Problem:
        where = f"jobs.{job.id}.steps"
        return Problem(workflow.file, step.at.line, step.at.column, f"`uses: {step.uses}`: {message}", severity, where)

    if manifest is None:
        yield problem("there is no action.yml there in this repository; a step before it has to bring it")
        return
    errors = [found for found in manifest.problems if found.severity == "error"]
    if errors:
        yield problem(f"the action has errors, the first of them: {errors[0].render()}", "error")
    if manifest.action is not None:
        for doubt in _doubts(manifest.action, step):
            yield problem(doubt)


def _doubts(action: Action, step: Step) -> list[str]:
    if isinstance(step.with_, str) or any("${{" in name for name in step.with_):
        return []
    declared = {one.name.lower(): one for one in action.inputs}
    given = {name.lower() for name in step.with_}
    free = {"entrypoint", "args"} if isinstance(action.runs, Docker) else set[str]()
    said = [
        f"the action has no input `{name}`{_hint(name, declared)}"
        for name in step.with_
        if name.lower() not in declared and name.lower() not in free
    ]
    for name, one in declared.items():
        if one.required and one.default is None and name not in given:
            said.append(f"the input `{one.name}` is required and not given")
        elif one.deprecation and name in given:
            said.append(f"the input `{one.name}` is deprecated: {one.deprecation}")
    return said


def _hint(name: str, known: Iterable[str]) -> str:
    # Imported here, for only a mistake needs it and its import costs a cold command milliseconds.
    from difflib import get_close_matches

    near = get_close_matches(name.lower(), list(known), n=1)
    return f"; did you mean `{near[0]}`?" if near else ""
