"""``on.workflow_dispatch.inputs`` to the model: types, defaults that fit them, options of a choice."""

from math import isfinite
from typing import get_args

from libs.workflow.expressions import to_string
from libs.workflow.expressions.values import parse_number
from libs.workflow.inputs import inputs_per_workflow
from libs.workflow.model import DispatchInput, DispatchTrigger, InputType
from libs.workflow.nodes import Entry, Node, Scalar, describe
from libs.workflow.problems import KeyPath
from libs.workflow.reading.reader import Reader, Shape

_dispatch = Shape("`workflow_dispatch`", frozenset({"inputs"}))
_input = Shape("an input", frozenset({"description", "required", "default", "type", "options", "deprecationMessage"}))


def read_dispatch(reader: Reader, node: Node, path: KeyPath) -> DispatchTrigger:
    fields = reader.fields(node, _dispatch, path)
    if "inputs" not in fields:
        return DispatchTrigger()
    inner = (*path, "inputs")
    if _is_nothing(fields["inputs"].value):
        return DispatchTrigger()
    entries = reader.entries(fields["inputs"].value, "`inputs`", inner)
    if len(entries) > inputs_per_workflow:
        extra = entries[inputs_per_workflow].key
        reader.error(
            extra, f"a workflow may have {inputs_per_workflow} inputs at most, and this has {len(entries)}", inner
        )
        return DispatchTrigger()
    return DispatchTrigger(tuple(_read_input(reader, entry, (*inner, entry.key.text)) for entry in entries))


def _is_nothing(node: Node) -> bool:
    """GitHub takes inputs, and one of them, without a value for such without settings."""
    return isinstance(node, Scalar) and node.value is None


def _read_input(reader: Reader, entry: Entry, path: KeyPath) -> DispatchInput:
    name = entry.key.text
    reader.check_name(entry.key, "`inputs`", "", path)
    if _is_nothing(entry.value):
        return DispatchInput(name)
    fields = reader.fields(entry.value, _input, path)
    type_ = _read_type(reader, fields["type"].value, (*path, "type")) if "type" in fields else "string"
    required = (
        reader.flag(fields["required"].value, "required", "", (*path, "required")) if "required" in fields else None
    )
    description = (
        reader.literal(fields["description"].value, "description", (*path, "description"))
        if "description" in fields
        else None
    )
    options = _read_options(reader, entry, fields, type_, path)
    default = _read_default(reader, fields["default"].value, type_, options, path) if "default" in fields else None
    return DispatchInput(name, type_, required is True, default, options, description or "")


def _read_type(reader: Reader, node: Node, path: KeyPath) -> InputType:
    text = reader.literal(node, "type", path)
    for known in get_args(InputType):
        if text == known:
            return known
    if text is not None:
        reader.error(node, f"`type` must be one of {', '.join(get_args(InputType))}, not {describe(node)}", path)
    return "string"


def _read_options(
    reader: Reader, entry: Entry, fields: dict[str, Entry], type_: InputType, path: KeyPath
) -> tuple[str, ...]:
    inner = (*path, "options")
    if "options" not in fields:
        if type_ == "choice":
            reader.error(entry.value, f"the input `{entry.key.text}` is a choice, and needs `options`", path)
        return ()
    node = fields["options"].value
    if type_ != "choice":
        reader.error(fields["options"].key, "only an input of the type `choice` has `options`", inner)
        return ()
    items = reader.items(node, "`options`", inner)
    texts = [reader.literal(item, "options", (*inner, index)) for index, item in enumerate(items)]
    if not items and not isinstance(node, Scalar):
        reader.error(node, "`options` must not be empty", inner)
    return tuple(text for text in texts if text is not None)


def _read_default(
    reader: Reader, node: Node, type_: InputType, options: tuple[str, ...], path: KeyPath
) -> str | bool | float | None:
    inner = (*path, "default")
    scalar = reader.scalar(node, "default", inner)
    if scalar is None or not reader.check(scalar, "", inner) or scalar.value is None:
        return None
    value = scalar.value
    match type_:
        case "boolean" if not isinstance(value, bool):
            reader.error(scalar, f"the default of a boolean must be true or false, not {describe(scalar)}", inner)
            return None
        case "number":
            number = value if isinstance(value, int | float) else parse_number(value)
            if isinstance(value, bool) or not isfinite(number):
                reader.error(scalar, f"the default of a number must be a number, not {describe(scalar)}", inner)
                return None
            return number
        case "choice" if options and to_string(value) not in options:
            reader.error(
                scalar, f"the default must be one of the options {', '.join(options)}, not {scalar.text}", inner
            )
            return None
        case "boolean":
            return value
        case "string" | "choice" | "environment":
            return to_string(value)
