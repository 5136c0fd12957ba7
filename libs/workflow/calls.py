"""A job that calls a workflow: how `uses` names it, whether `with` and `secrets` fit, and what the inputs come to.

The parser and `lint` ask before a run is planned, the scheduler when the values are known. Nothing here reads a file
or knows a run. Source of the rules: GitHub's documentation, "Reuse workflows".
"""

import re
from collections.abc import Callable, Iterable, Mapping

import msgspec

from libs.contracts.plan import CalledInput
from libs.workflow.expressions import Value, has_expression, kind_of, to_string
from libs.workflow.model import CallInput, CallTrigger, Job, Template

call_levels = 10  # GitHub: a workflow and nine levels of workflows called from it.
calls_in_run = 50  # GitHub: different workflows that one run may call, those that they call included.
workflows_folder = ".github/workflows"

_file = re.compile(r"\.github/workflows/[^/\\\x00-\x1f]+\.ya?ml")
_repository = re.compile(r"[A-Za-z0-9_.-]{1,100}")


class CallName(msgspec.Struct, frozen=True):
    """`owner` and `repository` are empty for a file of the same repository and commit, and so is `ref`."""

    path: str
    owner: str = ""
    repository: str = ""
    ref: str = ""


class BadCall(ValueError):
    """A call that cannot be made; the message is for whoever wrote the workflow."""


def call_name(uses: str) -> CallName:
    """`./path` or `$/path`, or `owner/repository/path@ref`. Raises BadCall."""
    if "${{" in uses:
        raise BadCall(f"`uses` of a job takes no expression: {uses[:200]!r}")
    if uses.startswith(("./", "$/")):
        if "@" in uses:
            raise BadCall(f"{uses[:200]!r}: a workflow of the same repository is of the same commit, and takes no `@`")
        return CallName(_checked_path(uses, uses[2:]))
    whole, at, ref = uses.partition("@")
    parts = whole.split("/", 2)
    if len(parts) < 3 or not all(_repository.fullmatch(part) for part in parts[:2]):
        raise BadCall(
            f"{uses[:200]!r} names no workflow: write `./{workflows_folder}/NAME.yml`"
            f" or `owner/repository/{workflows_folder}/NAME.yml@ref`"
        )
    if not at or not ref:
        raise BadCall(f"{uses[:200]!r} lacks `@` and a branch, a tag or a commit")
    return CallName(_checked_path(uses, parts[2]), parts[0], parts[1], ref)


def _checked_path(uses: str, path: str) -> str:
    if not _file.fullmatch(path):
        raise BadCall(f"{uses[:200]!r}: a workflow that is called is a .yml or .yaml file right in {workflows_folder}")
    return path


def misfits(job: Job, called: CallTrigger | None) -> list[str]:
    """What is wrong with a call, as far as that can be said before anything runs: one sentence each.

    `called` is the other workflow's `on.workflow_call`.
    """
    if called is None:
        return ["it has no `on: workflow_call`, so no job can call it"]
    return [*_input_misfits(job, called), *_secret_misfits(job, called)]


def _input_misfits(job: Job, called: CallTrigger) -> list[str]:
    declared = {each.name.lower(): each for each in called.inputs}
    given = {name.lower() for name, value in job.with_.items() if value is not None}
    found: list[str] = []
    for name, value in job.with_.items():
        each = declared.get(name.lower())
        if each is None:
            found.append(f"it has no input `{name}`; {_those(each.name for each in called.inputs)}")
        elif value is not None and not _may_be(each, value):
            found.append(f"its input `{name}` is a {each.type}, not {_shown(value)}")
    missing = [name for name, each in declared.items() if each.required and name not in given]
    return [
        *found,
        *(f"its input `{declared[name].name}` is required, and `with` does not give it" for name in missing),
    ]


def _secret_misfits(job: Job, called: CallTrigger) -> list[str]:
    if job.secrets == "inherit":
        return []
    declared = {each.name.lower(): each for each in called.secrets}
    given = job.secrets if isinstance(job.secrets, dict) else {}
    names = {name.lower() for name in given}
    unknown = [name for name in given if name.lower() not in declared]
    missing = [each.name for name, each in declared.items() if each.required and name not in names]
    return [
        *(f"it has no secret `{name}`; {_those(each.name for each in called.secrets)}" for name in unknown),
        *(f"its secret `{name}` is required, and `secrets` does not give it" for name in missing),
    ]


def _may_be(declared: CallInput, value: Template) -> bool:
    """A template may turn out as anything."""
    if isinstance(value, str) and has_expression(value):
        return True
    return _fits(declared.type, value)


def _fits(type_: str, value: Value) -> bool:
    """A text takes any scalar; a boolean or a number is not made of text, as on GitHub."""
    if isinstance(value, list | dict):
        return False
    if type_ == "boolean":
        return isinstance(value, bool)
    if type_ == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    return True


def bound_inputs(
    declared: Mapping[str, CalledInput], given: Mapping[str, Value], evaluate: Callable[[str], Value]
) -> dict[str, Value]:
    """The `inputs` context of the called workflow. `given` is `with`, evaluated; `evaluate` is for defaults that are
    templates. Raises BadCall, and what `evaluate` raises.
    """
    by_name = {name.lower(): value for name, value in given.items() if value is not None}
    unknown = [name for name in given if name.lower() not in {known.lower() for known in declared}]
    if unknown:
        raise BadCall(f"the called workflow has no input `{unknown[0]}`; {_those(declared)}")
    return {name: _bound(name, each, by_name.get(name.lower()), evaluate) for name, each in declared.items()}


def _bound(name: str, declared: CalledInput, given: Value, evaluate: Callable[[str], Value]) -> Value:
    value = given
    if value is None and declared.required:
        raise BadCall(f"the called workflow's input `{name}` is required, and it is not given")
    if value is None:
        value = evaluate(declared.default) if isinstance(declared.default, str) else declared.default
    if value is None:
        return {"boolean": False, "number": 0}.get(declared.type, "")
    if not _fits(declared.type, value):
        hint = " (fromJSON makes one of text)" if isinstance(value, str) else ""
        raise BadCall(f"the called workflow's input `{name}` is a {declared.type}, not {_shown(value)}{hint}")
    return to_string(value) if declared.type == "string" else value


def _those(names: Iterable[str]) -> str:
    listed = ", ".join(f"`{name}`" for name in names)
    return f"it has {listed}" if listed else "it has none"


def _shown(value: Value) -> str:
    """By kind: a value may be long."""
    kind = kind_of(value)
    return "nothing" if kind == "null" else f"an {kind}" if kind[0] in "ao" else f"a {kind}"
