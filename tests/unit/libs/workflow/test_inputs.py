"""What a person gives a `workflow_dispatch`, against what the workflow declares."""

import pytest

from libs.workflow.inputs import GivenInput, InputsRefused, ResolvedInputs, resolve_inputs
from libs.workflow.model import DispatchInput, DispatchTrigger

declared = DispatchTrigger(
    (
        DispatchInput("name", required=True),
        DispatchInput("note", default="none"),
        DispatchInput("dry", type="boolean", default=True),
        DispatchInput("verbose", type="boolean"),
        DispatchInput("count", type="number", default=2.0),
        DispatchInput("level", type="choice", options=("info", "debug"), default="info"),
        DispatchInput("target", type="environment"),
    )
)


def test_defaults_fill_what_is_not_given_and_types_are_kept() -> None:
    resolved = resolve_inputs(declared, {"name": "x"})

    assert resolved == ResolvedInputs(
        values={
            "name": "x",
            "note": "none",
            "dry": True,
            "verbose": False,
            "count": 2,
            "level": "info",
            "target": "",
        },
        strings={
            "name": "x",
            "note": "none",
            "dry": "true",
            "verbose": "false",
            "count": "2",
            "level": "info",
            "target": "",
        },
    )


@pytest.mark.parametrize(
    ("given", "name", "value", "string"),
    [
        ({"name": "x", "dry": "false"}, "dry", False, "false"),
        ({"name": "x", "dry": False}, "dry", False, "false"),
        ({"name": "x", "count": "3"}, "count", 3, "3"),
        ({"name": "x", "count": 3.5}, "count", 3.5, "3.5"),
        ({"name": "x", "count": "0x10"}, "count", 16, "16"),
        ({"name": "x", "level": "debug"}, "level", "debug", "debug"),
        ({"name": "x", "note": 5}, "note", "5", "5"),
        ({"NAME": "y"}, "name", "y", "y"),
        ({"name": "x", "note": ""}, "note", "none", "none"),
        ({"name": "x", "note": None}, "note", "none", "none"),
        ({"name": "x", "target": "prod"}, "target", "prod", "prod"),
    ],
)
def test_a_given_value_is_read_by_its_type(given: dict[str, GivenInput], name: str, value: object, string: str) -> None:
    resolved = resolve_inputs(declared, given)

    assert isinstance(resolved, ResolvedInputs)
    assert resolved.values[name] == value
    assert type(resolved.values[name]) is type(value)
    assert resolved.strings[name] == string


@pytest.mark.parametrize(
    ("given", "reasons"),
    [
        ({}, ["the input `name` is required"]),
        ({"name": ""}, ["the input `name` is required, and it is empty"]),
        ({"name": "x", "other": "y"}, ["declares no input `other`"]),
        ({"name": "x", "dry": "yes"}, ["`dry` must be true or false, not 'yes'"]),
        ({"name": "x", "dry": "True"}, ["must be true or false"]),
        ({"name": "x", "count": "many"}, ["`count` must be a number"]),
        ({"name": "x", "count": " "}, ["`count` must be a number"]),
        ({"name": "x", "level": "trace"}, ["`level` must be one of info, debug, not 'trace'"]),
        ({"name": "x" * 65_536}, ["more than 65535 characters"]),
        ({"dry": "1", "level": "x"}, ["`name` is required", "`dry` must be", "`level` must be"]),
    ],
)
def test_every_mistake_is_told_at_once(given: dict[str, GivenInput], reasons: list[str]) -> None:
    refused = resolve_inputs(declared, given)

    assert isinstance(refused, InputsRefused)
    assert len(refused.reasons) == len(reasons)
    for told, expected in zip(refused.reasons, reasons, strict=True):
        assert expected in told


def test_a_trigger_without_inputs_takes_none() -> None:
    assert resolve_inputs(DispatchTrigger(), {}) == ResolvedInputs({}, {})
    assert isinstance(resolve_inputs(DispatchTrigger(), {"a": "b"}), InputsRefused)
