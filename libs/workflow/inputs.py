"""The inputs of a ``workflow_dispatch``: what a person gave, checked against what the workflow declares.

It knows types and defaults, not who asks. Every complaint comes at once, so that a form or a command line can show all.
"""

from collections.abc import Mapping

import msgspec

from libs.workflow.expressions.values import normal_number, parse_number, to_string
from libs.workflow.model import DispatchInput, DispatchTrigger

inputs_per_workflow = 25  # GitHub's limit for `workflow_dispatch`.
payload_characters = 65_535  # GitHub's limit for all values of one dispatch together.

GivenInput = str | bool | int | float | None
InputValue = str | bool | int | float


class ResolvedInputs(msgspec.Struct, frozen=True):
    """``values`` is the ``inputs`` context, where booleans and numbers keep their types.

    ``strings`` is ``github.event.inputs``, where everything is a string.
    """

    values: dict[str, InputValue]
    strings: dict[str, str]


class InputsRefused(msgspec.Struct, frozen=True):
    """Why the workflow cannot start with what was given: one sentence each."""

    reasons: tuple[str, ...]


def resolve_inputs(trigger: DispatchTrigger, given: Mapping[str, GivenInput]) -> ResolvedInputs | InputsRefused:
    """Defaults, required ones, types and options. Names are compared without case, as GitHub does."""
    offered = {name.upper(): value for name, value in given.items()}
    reasons = _unknown(trigger, given)
    if sum(len(to_string(value)) for value in given.values()) > payload_characters:
        reasons.append(f"the inputs have more than {payload_characters} characters together")
    values: dict[str, InputValue] = {}
    for declared in trigger.inputs:
        value = _resolve(declared, offered.get(declared.name.upper()))
        if isinstance(value, InputsRefused):
            reasons.extend(value.reasons)
        else:
            values[declared.name] = value
    if reasons:
        return InputsRefused(tuple(reasons))
    return ResolvedInputs(values, {name: to_string(value) for name, value in values.items()})


def _unknown(trigger: DispatchTrigger, given: Mapping[str, GivenInput]) -> list[str]:
    known = {declared.name.upper() for declared in trigger.inputs}
    names = ", ".join(declared.name for declared in trigger.inputs) or "none"
    return [
        f"the workflow declares no input `{name}`; it declares: {names}" for name in given if name.upper() not in known
    ]


def _resolve(declared: DispatchInput, given: GivenInput) -> InputValue | InputsRefused:
    if given is None or given == "":
        if declared.default is not None:
            return _default(declared)
        if declared.required and given is None:
            return InputsRefused((f"the input `{declared.name}` is required",))
        if declared.required and declared.type != "boolean":
            return InputsRefused((f"the input `{declared.name}` is required, and it is empty",))
        return _empty(declared)
    return _typed(declared, given)


def _default(declared: DispatchInput) -> InputValue:
    value = declared.default
    assert value is not None
    if declared.type == "number" and isinstance(value, float | int) and not isinstance(value, bool):
        return normal_number(float(value))
    return value


def _empty(declared: DispatchInput) -> InputValue:
    """What an input without value and default is."""
    match declared.type:
        case "boolean":
            return False
        case "number":
            return 0
        case "string" | "choice" | "environment":
            return ""


def _typed(declared: DispatchInput, given: str | bool | int | float) -> InputValue | InputsRefused:
    text = to_string(given)
    match declared.type:
        case "string" | "environment":
            return text
        case "boolean":
            if text not in ("true", "false"):
                return InputsRefused((f"the input `{declared.name}` must be true or false, not {text!r}",))
            return text == "true"
        case "number":
            number = parse_number(text)
            if number != number or not text.strip():  # noqa: PLR0124 - only NaN differs from itself.
                return InputsRefused((f"the input `{declared.name}` must be a number, not {text!r}",))
            return normal_number(number)
        case "choice":
            if text not in declared.options:
                options = ", ".join(declared.options)
                return InputsRefused((f"the input `{declared.name}` must be one of {options}, not {text!r}",))
            return text
