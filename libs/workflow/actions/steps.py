"""The steps of a composite action: fewer keys than a job's steps have, contexts of their own, and `shell` is a must.

They are the model's `Step`, so that what runs a script need not know where it was written.
"""

from msgspec.structs import replace

from libs.workflow.actions.uses import BadUses, parse_uses
from libs.workflow.model import Step, Template
from libs.workflow.nodes import Entry, Node
from libs.workflow.problems import KeyPath
from libs.workflow.reading.identifiers import read_step_id
from libs.workflow.reading.reader import Reader, Shape, position
from libs.workflow.reading.settings import read_templates
from libs.workflow.reading.step import read_condition

steps_per_action = 1000  # GitHub names no limit; a file of a megabyte could hold 100,000.

_keys = frozenset({"id", "name", "if", "env", "continue-on-error"})
_run = frozenset({"run", "shell", "working-directory"})
_uses = frozenset({"uses", "with"})
_step = Shape("a step of a composite action", _keys | _run | _uses)
_key = "action.runs.steps"


def read_steps(reader: Reader, node: Node, path: KeyPath) -> tuple[Step, ...]:
    items = reader.items(node, "`steps`", path)
    if len(items) > steps_per_action:
        message = f"an action may have {steps_per_action} steps at most, and this has {len(items)}"
        reader.error(items[steps_per_action], message, path)
        return ()
    steps: list[Step] = []
    ids: frozenset[str] = frozenset()
    for index, item in enumerate(items):
        step = _read_step(reader.within(replace(reader.scope, steps=ids)), item, (*path, index))
        if step.id:
            ids |= {step.id.lower()}
        steps.append(step)
    return tuple(steps)


def _read_step(reader: Reader, node: Node, path: KeyPath) -> Step:
    fields = reader.fields(node, _step, path)
    _check_kind(reader, node, fields, path)
    return Step(
        at=position(node),
        id=read_step_id(reader, fields, path),
        name=_text(reader, fields, "name", path),
        condition=read_condition(reader, fields, f"{_key}.if", path),
        run=_text(reader, fields, "run", path),
        uses=_read_uses(reader, fields, path),
        with_=_mapping(reader, fields, "with", path),
        env=_mapping(reader, fields, "env", path),
        shell=_text(reader, fields, "shell", path),
        working_directory=_text(reader, fields, "working-directory", path),
        continue_on_error=_read_continue(reader, fields, path),
    )


def _check_kind(reader: Reader, node: Node, fields: dict[str, Entry], path: KeyPath) -> None:
    if "run" in fields and "uses" in fields:
        reader.error(fields["uses"].key, "a step has either `run` or `uses`, not both", path)
    elif "run" not in fields and "uses" not in fields:
        reader.error(node, "a step needs `run` or `uses`", path)
    elif "run" in fields and "shell" not in fields:
        reader.error(node, "a step with `run` needs `shell` in a composite action, for example `shell: bash`", path)
    kind, foreign = ("run", _uses) if "run" in fields else ("uses", _run)
    for key in sorted(foreign & fields.keys() - {"run", "uses"}):
        reader.error(fields[key].key, f"`{key}` does not belong to a step with `{kind}`", (*path, key))


def _read_uses(reader: Reader, fields: dict[str, Entry], path: KeyPath) -> str | None:
    if "uses" not in fields:
        return None
    node, inner = fields["uses"].value, (*path, "uses")
    uses = reader.literal(node, "uses", inner, empty=False)
    if uses is None:
        return None
    try:
        parse_uses(uses)
    except BadUses as error:
        reader.error(node, str(error), inner)
        return None
    return uses


def _text(reader: Reader, fields: dict[str, Entry], key: str, path: KeyPath) -> str | None:
    return reader.text(fields[key].value, key, f"{_key}.{key}", (*path, key)) if key in fields else None


def _mapping(reader: Reader, fields: dict[str, Entry], key: str, path: KeyPath) -> dict[str, Template]:
    if key not in fields:
        return {}
    return read_templates(reader, fields[key].value, f"`{key}`", f"{_key}.{key}", (*path, key))


def _read_continue(reader: Reader, fields: dict[str, Entry], path: KeyPath) -> bool | str:
    key = "continue-on-error"
    if key not in fields:
        return False
    return reader.flag(fields[key].value, key, f"{_key}.{key}", (*path, key)) or False
