"""One step of a job to the model."""

from libs.workflow.model import Step, Template
from libs.workflow.nodes import Entry, Node, Scalar
from libs.workflow.problems import KeyPath
from libs.workflow.reading.checkout import check_inputs, check_uses
from libs.workflow.reading.identifiers import check_identifier
from libs.workflow.reading.reader import Reader, Shape, position
from libs.workflow.reading.settings import read_env, read_non_empty, read_shell, read_templates
from libs.workflow.supported import refused_step_keys

run_characters = 21_000  # GitHub's limit for one `run`.

_common = frozenset({"id", "name", "if", "env", "continue-on-error", "timeout-minutes"})
_run_only = frozenset({"run", "shell", "working-directory"})
_uses_only = frozenset({"uses", "with"})
_step = Shape("a step", _common | _run_only | _uses_only, refused_step_keys)
_steps_key = "jobs.<job_id>.steps"


def read_step(reader: Reader, node: Node, path: KeyPath) -> Step:
    """``reader``'s scope holds the ids of the steps before."""
    problems_before = reader.problems.count()
    fields = reader.fields(node, _step, path)
    _check_kind(reader, node, fields, path, refused=reader.problems.count() > problems_before)
    uses = _read_uses(reader, fields, path)
    return Step(
        at=position(node),
        id=_read_id(reader, fields, path),
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
    )


def read_condition(reader: Reader, fields: dict[str, Entry], key: str, path: KeyPath) -> str | None:
    """The text of an ``if``, of a job or a step."""
    if "if" not in fields:
        return None
    inner = (*path, "if")
    scalar = reader.scalar(fields["if"].value, "if", inner)
    if scalar is None or not reader.expressions.check_condition(scalar, key, inner):
        return None
    return scalar.text


def _check_kind(reader: Reader, node: Node, fields: dict[str, Entry], path: KeyPath, *, refused: bool) -> None:
    """Exactly one of ``run`` and ``uses``, and no key that belongs to the other kind."""
    if "run" in fields and "uses" in fields:
        reader.error(fields["uses"].key, "a step has either `run` or `uses`, not both", path)
        return
    if "run" not in fields and "uses" not in fields:
        if not refused:
            reader.error(node, "a step needs `run` or `uses`", path)
        return
    kind, foreign = ("run", _uses_only) if "run" in fields else ("uses", _run_only)
    other = "uses" if kind == "run" else "run"
    for key in foreign & fields.keys():
        reader.error(
            fields[key].key, f"`{key}` belongs to a step with `{other}`, and this one has `{kind}`", (*path, key)
        )


def _read_id(reader: Reader, fields: dict[str, Entry], path: KeyPath) -> str | None:
    if "id" not in fields:
        return None
    node, inner = fields["id"].value, (*path, "id")
    text = reader.literal(node, "id", inner, empty=False)
    if text is None or not check_identifier(reader, node, text, "a step's id", inner):
        return None
    if reader.scope.steps is not None and text.lower() in reader.scope.steps:
        reader.error(node, f"the id `{text}` is already used by a step before this one (case is ignored)", inner)
        return None
    return text


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
        check_uses(reader, node, uses, inner)
    return uses


def _read_with(reader: Reader, fields: dict[str, Entry], uses: str | None, path: KeyPath) -> dict[str, Template]:
    if "with" not in fields:
        return {}
    node, inner = fields["with"].value, (*path, "with")
    if isinstance(node, Scalar) and "${{" in node.text:
        reader.refuse(node, "an expression for the whole of `with`", inner)
        return {}
    values = read_templates(reader, node, "`with`", f"{_steps_key}.with", inner)
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
    return read_non_empty(reader, fields[key].value, key, f"{_steps_key}.{key}", (*path, key))


def _read_continue(reader: Reader, fields: dict[str, Entry], path: KeyPath) -> bool | str:
    key = "continue-on-error"
    if key not in fields:
        return False
    return reader.flag(fields[key].value, key, f"{_steps_key}.{key}", (*path, key)) or False


def _read_timeout(reader: Reader, fields: dict[str, Entry], path: KeyPath) -> float | str | None:
    key = "timeout-minutes"
    if key not in fields:
        return None
    return reader.number(fields[key].value, key, f"{_steps_key}.{key}", (*path, key), least=0)
