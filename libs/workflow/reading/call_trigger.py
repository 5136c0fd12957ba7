"""``on.workflow_call`` to the model: what a workflow asks of its callers, and gives them."""

from typing import get_args

from libs.workflow.model import CallInput, CallInputType, CallOutput, CallSecret, CallTrigger, Template
from libs.workflow.nodes import Entry, Mapping, Node, Scalar, describe
from libs.workflow.problems import KeyPath
from libs.workflow.reading.reader import Reader, Shape

_call = Shape("`workflow_call`", frozenset({"inputs", "secrets", "outputs"}))
_input = Shape("an input", frozenset({"description", "required", "default", "type"}))
_secret = Shape("a secret", frozenset({"description", "required"}))
_output = Shape("an output", frozenset({"description", "value"}))
_default_key = "on.workflow_call.inputs.<inputs_id>.default"
_value_key = "on.workflow_call.outputs.<output_id>.value"
_reserved_secret = "github_token"  # noqa: S105 - The name of a secret and none itself.


def read_call(reader: Reader, node: Node, path: KeyPath) -> CallTrigger:
    fields = reader.fields(node, _call, path)
    return CallTrigger(
        inputs=tuple(_read_input(reader, entry, at) for entry, at in _named(reader, fields, "inputs", path)),
        secrets=tuple(_read_secret(reader, entry, at) for entry, at in _named(reader, fields, "secrets", path)),
        outputs=tuple(_read_output(reader, entry, at) for entry, at in _named(reader, fields, "outputs", path)),
    )


def _named(reader: Reader, fields: dict[str, Entry], key: str, path: KeyPath) -> list[tuple[Entry, KeyPath]]:
    if key not in fields:
        return []
    entries = reader.entries(fields[key].value, f"`{key}`", (*path, key))
    for entry in entries:
        reader.check_name(entry.key, f"`{key}`", "", (*path, key, entry.key.text))
    return [(entry, (*path, key, entry.key.text)) for entry in entries]


def _read_input(reader: Reader, entry: Entry, path: KeyPath) -> CallInput:
    fields = reader.fields(entry.value, _input, path)
    type_: CallInputType = "string"
    if "type" in fields:
        type_ = _read_type(reader, fields["type"].value, (*path, "type"))
    elif isinstance(entry.value, Mapping):
        known = ", ".join(get_args(CallInputType))
        reader.error(entry.value, f"the input `{entry.key.text}` needs `type`: {known}", path)
    default = _read_default(reader, fields["default"].value, type_, (*path, "default")) if "default" in fields else None
    return CallInput(
        entry.key.text, type_, _required(reader, fields, path), default, _description(reader, fields, path)
    )


def _read_type(reader: Reader, node: Node, path: KeyPath) -> CallInputType:
    text = reader.literal(node, "type", path)
    for known in get_args(CallInputType):
        if text == known:
            return known
    if text is not None:
        reader.error(node, f"`type` must be one of {', '.join(get_args(CallInputType))}, not {describe(node)}", path)
    return "string"


def _read_default(reader: Reader, node: Node, type_: CallInputType, path: KeyPath) -> Template:
    if isinstance(node, Scalar) and node.value is None:
        return None
    match type_:
        case "boolean":
            return reader.flag(node, "default", _default_key, path)
        case "number":
            return reader.any_number(node, "default", _default_key, path)
        case "string":
            return reader.text(node, "default", _default_key, path)


def _read_secret(reader: Reader, entry: Entry, path: KeyPath) -> CallSecret:
    name = entry.key.text
    if name.lower() == _reserved_secret:
        reader.error(
            entry.key, f"the secret `{name}` is always there, and a workflow cannot ask its callers for it", path
        )
    if isinstance(entry.value, Scalar) and entry.value.value is None:
        return CallSecret(name)
    fields = reader.fields(entry.value, _secret, path)
    return CallSecret(name, _required(reader, fields, path), _description(reader, fields, path))


def _read_output(reader: Reader, entry: Entry, path: KeyPath) -> CallOutput:
    fields = reader.fields(entry.value, _output, path)
    if isinstance(entry.value, Mapping):
        reader.require(entry.value, fields, ("value",), _output, path)
    value = reader.text(fields["value"].value, "value", _value_key, (*path, "value")) if "value" in fields else None
    return CallOutput(entry.key.text, value or "", _description(reader, fields, path))


def _required(reader: Reader, fields: dict[str, Entry], path: KeyPath) -> bool:
    if "required" not in fields:
        return False
    return reader.flag(fields["required"].value, "required", "", (*path, "required")) is True


def _description(reader: Reader, fields: dict[str, Entry], path: KeyPath) -> str:
    if "description" not in fields:
        return ""
    return reader.literal(fields["description"].value, "description", (*path, "description")) or ""
