"""One step of a job to the model: its kind, by the key that only that kind has, and the keys that the kind may have."""

from libs.workflow.expressions import to_string
from libs.workflow.model import Step, Template
from libs.workflow.nodes import Entry, Mapping, Node
from libs.workflow.problems import KeyPath
from libs.workflow.reading.control import read_cancel, read_wait, read_wait_all
from libs.workflow.reading.identifiers import read_step_id
from libs.workflow.reading.reader import Reader, Shape, position
from libs.workflow.reading.settings import read_env, read_shell, read_templates
from libs.workflow.reading.uses import check_action, check_inputs

run_characters = 21_000  # GitHub's limit for one `run`.

_named = frozenset({"id", "name", "continue-on-error"})
_working = _named | {"if", "env", "timeout-minutes", "background"}
_kinds: dict[str, frozenset[str]] = {
    "run": _working | {"run", "shell", "working-directory"},
    "uses": _working | {"uses", "with"},
    "wait": _named | {"wait"},
    "wait-all": _named | {"wait-all"},
    "cancel": _named | {"cancel"},
    "parallel": frozenset({"parallel"}),
}
"""What a step does, and the keys that it may have then."""
_owners = {"shell": "run", "working-directory": "run", "with": "uses"}
_step = Shape("a step", frozenset[str]().union(*_kinds.values()))
_steps_key = "jobs.<job_id>.steps"


def read_step(reader: Reader, node: Node, path: KeyPath) -> Step:
    """Of every kind but ``parallel``, whose own steps ``steps`` reads. ``reader``'s scope holds the ids before."""
    problems_before = reader.problems.count()
    fields = reader.fields(node, _step, path)
    _check_kind(reader, node, fields, path, unknown=reader.problems.count() > problems_before)
    uses = _read_uses(reader, fields, path)
    id_ = read_step_id(reader, fields, path)
    return Step(
        at=position(node),
        id=id_,
        name=_text(reader, fields, "name", path),
        condition=read_condition(reader, fields, f"{_steps_key}.if", path),
        run=_read_run(reader, fields, path),
        uses=uses,
        with_=_read_with(reader, fields, uses, path),
        env=_read_env(reader, fields, path),
        shell=read_shell(reader, fields["shell"].value, "", (*path, "shell")) if "shell" in fields else None,
        working_directory=_read_directory(reader, fields, path),
        continue_on_error=_read_continue(reader, fields, path),
        timeout_minutes=_read_timeout(reader, fields, path),
        background=_read_background(reader, fields, path),
        wait=read_wait(reader, fields, path),
        wait_all=read_wait_all(reader, fields, path),
        cancel=read_cancel(reader, fields, path),
    )


def read_condition(reader: Reader, fields: dict[str, Entry], key: str, path: KeyPath) -> str | None:
    """The text of an ``if``, of a job or a step; a boolean's or a number's is that of the same literal."""
    if "if" not in fields:
        return None
    inner = (*path, "if")
    scalar = reader.scalar(fields["if"].value, "if", inner)
    if scalar is None:
        return None
    if not isinstance(scalar.value, str):
        return to_string(scalar.value)
    return scalar.text if reader.expressions.check_condition(scalar, key, inner) else None


def _check_kind(reader: Reader, node: Node, fields: dict[str, Entry], path: KeyPath, *, unknown: bool) -> None:
    """Each key leaves the kinds that have it, as on GitHub; one that none of those left has is a mistake.

    ``unknown``: some key was unknown, and is told already.
    """
    left, told_apart = list(_kinds), ""
    for key, entry in fields.items():
        having = [kind for kind in left if key in _kinds[kind]]
        if not having:
            reader.error(entry.key, _misplaced(key, told_apart), (*path, key))
        elif len(having) < len(left):
            left, told_apart = having, key
    if unknown or not isinstance(node, Mapping) or any(kind in fields for kind in left):
        return
    reader.error(node, f"a step needs {_listed(left)}", path)


def _misplaced(key: str, told_apart: str) -> str:
    if key in _kinds and told_apart in _kinds:
        return f"a step has either `{told_apart}` or `{key}`, not both"
    owner = _owners.get(key)
    why = f"it belongs to a step with `{owner}`" if owner else "such a step cannot have it"
    return f"`{key}` cannot stand beside `{told_apart}`; {why}"


def _listed(kinds: list[str]) -> str:
    names = [f"`{kind}`" for kind in kinds]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def _text(reader: Reader, fields: dict[str, Entry], key: str, path: KeyPath) -> str | None:
    return reader.text(fields[key].value, key, f"{_steps_key}.{key}", (*path, key)) if key in fields else None


def _read_run(reader: Reader, fields: dict[str, Entry], path: KeyPath) -> str | None:
    run = _text(reader, fields, "run", path)
    if run is None:
        return None
    node = fields["run"].value
    if len(run) > run_characters:
        reader.error(
            node, f"`run` may have {run_characters} characters at most, and this has {len(run)}", (*path, "run")
        )
    if not run.strip():
        reader.warning(node, "`run` is empty, and the step does nothing", (*path, "run"))
    return run


def _read_uses(reader: Reader, fields: dict[str, Entry], path: KeyPath) -> str | None:
    if "uses" not in fields:
        return None
    node, inner = fields["uses"].value, (*path, "uses")
    uses = reader.literal(node, "uses", inner, empty=False)
    if uses is not None:
        check_action(reader, node, uses, inner)
    return uses


def _read_with(reader: Reader, fields: dict[str, Entry], uses: str | None, path: KeyPath) -> dict[str, Template] | str:
    if "with" not in fields:
        return {}
    node, inner = fields["with"].value, (*path, "with")
    key = f"{_steps_key}.with"
    if reader.is_template(node):
        return reader.whole(node, "with", key, inner) or {}
    values = read_templates(reader, node, "`with`", key, inner, names=key)
    if uses is not None and uses.lower().startswith("actions/checkout@"):
        check_inputs(reader, node, values, inner)
    return values


def _read_env(reader: Reader, fields: dict[str, Entry], path: KeyPath) -> dict[str, Template] | str:
    if "env" not in fields:
        return {}
    return read_env(reader, fields["env"].value, f"{_steps_key}.env", (*path, "env"))


def _read_directory(reader: Reader, fields: dict[str, Entry], path: KeyPath) -> str | None:
    key = "working-directory"
    if key not in fields:
        return None
    # Unlike that of `defaults`, it may be empty, and counts for nothing then.
    return reader.text(fields[key].value, key, f"{_steps_key}.{key}", (*path, key)) or None


def _read_continue(reader: Reader, fields: dict[str, Entry], path: KeyPath) -> bool | str:
    key = "continue-on-error"
    if key not in fields:
        return False
    return reader.flag(fields[key].value, key, f"{_steps_key}.{key}", (*path, key)) or False


def _read_timeout(reader: Reader, fields: dict[str, Entry], path: KeyPath) -> float | str | None:
    key = "timeout-minutes"
    if key not in fields:
        return None
    return reader.number(fields[key].value, key, f"{_steps_key}.{key}", (*path, key))


def _read_background(reader: Reader, fields: dict[str, Entry], path: KeyPath) -> bool:
    if "background" not in fields:
        return False
    return reader.flag(fields["background"].value, "background", "", (*path, "background")) is True
