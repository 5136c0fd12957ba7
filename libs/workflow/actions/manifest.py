"""A whole `action.yml`: bytes in, the model and every problem out. This is the entrance to the package.

As on GitHub, keys that nobody knows are let pass at the top and in an input (there as warnings), and are errors where
they would change what runs.
"""

import msgspec
from msgspec.structs import replace

from libs.workflow.actions.model import Action, Composite, Input
from libs.workflow.actions.runs import read_runs
from libs.workflow.model import Template
from libs.workflow.nodes import Document, Entry, Mapping, Node, Scalar
from libs.workflow.problems import KeyPath, Problem, Problems, TooManyProblems
from libs.workflow.reading.reader import Reader
from libs.workflow.reading.scope import Scope
from libs.workflow.source import read_document

inputs_per_action = 1000  # Each is a variable of a process, and one process takes some thousands.

_root = frozenset({"name", "description", "author", "inputs", "outputs", "runs", "branding"})
_input = frozenset({"description", "required", "default", "deprecationMessage"})


class Manifest(msgspec.Struct, frozen=True):
    """What became of a file: `action` is None when a problem is an error; warnings alone leave it."""

    action: Action | None
    problems: tuple[Problem, ...]


def read_action(file: str, content: bytes) -> Manifest:
    """Reads the file that problems are to call `file`."""
    problems = Problems(file)
    document = read_document(content, problems)
    if document.root is None:
        return Manifest(None, problems.sorted())
    try:
        action = _read_root(document, document.root, problems)
    except TooManyProblems:
        return Manifest(None, problems.sorted())
    return Manifest(None if problems.has_errors() else action, problems.sorted())


def _read_root(document: Document, root: Node, problems: Problems) -> Action | None:
    reader = Reader(document, problems, Scope())
    fields = _loose(reader, root, "an action", _root, ())
    if "runs" not in fields:
        if isinstance(root, Mapping):
            reader.error(root, "an action needs the key `runs`", ())
        return None
    inputs = _read_inputs(reader, fields["inputs"].value) if "inputs" in fields else ()
    scope = Scope(inputs=frozenset(declared.name.lower() for declared in inputs), file="action")
    runs = read_runs(reader.within(scope), fields["runs"].value, ("runs",))
    if isinstance(runs, Composite):
        scope = replace(scope, steps=frozenset(step.id.lower() for step in runs.steps if step.id))
    outputs = _read_outputs(reader.within(scope), fields["outputs"].value) if "outputs" in fields else {}
    if runs is None:
        return None
    return Action(problems.file, _text(reader, fields, "name"), inputs, outputs, runs)


def _text(reader: Reader, fields: dict[str, Entry], key: str) -> str:
    return (reader.literal(fields[key].value, key, (key,)) or "") if key in fields else ""


def _read_inputs(reader: Reader, node: Node) -> tuple[Input, ...]:
    if isinstance(node, Scalar) and node.value is None:
        return ()
    entries = reader.entries(node, "`inputs`", ("inputs",))
    if len(entries) > inputs_per_action:
        message = f"an action may have {inputs_per_action} inputs at most, and this has {len(entries)}"
        reader.error(entries[inputs_per_action].key, message, ("inputs",))
        return ()
    return tuple(_read_input(reader, entry, ("inputs", entry.key.text)) for entry in entries)


def _read_input(reader: Reader, entry: Entry, path: KeyPath) -> Input:
    name = entry.key.text
    if not name:
        reader.error(entry.key, "an input's name must not be empty", path)
    if isinstance(entry.value, Scalar) and entry.value.value is None:
        return Input(name)
    fields = _loose(reader, entry.value, "an input", _input, path)
    default: Template = None
    if "default" in fields:
        default = reader.template(
            fields["default"].value, "default", "action.inputs.<input_id>.default", (*path, "default")
        )
    deprecation = ""
    if "deprecationMessage" in fields:
        inner = (*path, "deprecationMessage")
        deprecation = reader.literal(fields["deprecationMessage"].value, "deprecationMessage", inner) or ""
    return Input(name, default, _read_required(reader, fields, path), deprecation)


def _read_required(reader: Reader, fields: dict[str, Entry], path: KeyPath) -> bool:
    """`"true"` is accepted as well: many actions have it so."""
    if "required" not in fields:
        return False
    inner = (*path, "required")
    scalar = reader.scalar(fields["required"].value, "required", inner)
    if scalar is None or scalar.value is None:
        return False
    if scalar.text.lower() not in ("true", "false"):
        reader.warning(scalar, f"`required` is true or false, not {scalar.text!r}; it counts as false", inner)
    return scalar.text.lower() == "true"


def _read_outputs(reader: Reader, node: Node) -> dict[str, str]:
    """Only those with a `value`: a composite action's."""
    outputs: dict[str, str] = {}
    if isinstance(node, Scalar) and node.value is None:
        return outputs
    for entry in reader.entries(node, "`outputs`", ("outputs",)):
        path = ("outputs", entry.key.text)
        if isinstance(entry.value, Scalar) and entry.value.value is None:
            continue
        fields = _loose(reader, entry.value, "an output", frozenset({"description", "value"}), path)
        if "value" in fields:
            key = "action.outputs.<output_id>.value"
            value = reader.text(fields["value"].value, "value", key, (*path, "value"))
            outputs[entry.key.text] = value or ""
    return outputs


def _loose(reader: Reader, node: Node, what: str, keys: frozenset[str], path: KeyPath) -> dict[str, Entry]:
    """A mapping's known entries; unknown ones become warnings."""
    found: dict[str, Entry] = {}
    for entry in reader.entries(node, what, path):
        key = entry.key.text
        if key in keys:
            found[key] = entry
        else:
            hint = reader.suggest(key, keys)
            reader.warning(entry.key, f"unknown key `{key}` in {what}, which has no effect{hint}", (*path, key))
    return found
