"""The tables of this folder as cases, and what ours gives for one.

A case is `[expression, value]`, or `{expr, lexing|parsing|evaluation: column, says: part of the message, never: what
the message must not hold}`; `repeat: [before, times, after]` puts text around the expression that often.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, cast, get_args

import msgspec
import yaml

from libs.workflow.expressions import (
    ErrorKind,
    ExpressionError,
    Scope,
    Status,
    Value,
    answer,
    availability_of,
    error_answer,
    evaluate,
    evaluate_condition,
    evaluate_string,
    everywhere,
    kind_of,
    parse,
    status_of_job,
)
from libs.workflow.expressions.values import format_number

FOLDER = Path(__file__).parent
KINDS: tuple[ErrorKind, ...] = get_args(ErrorKind)


class Group(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"how": "as"}):
    """One rule. `key` is the workflow's key whose contexts hold, `how` what the text is (`as` in the table), `results`
    those of jobs, `hashes` the answers of hashFiles by its patterns, joined by `|`.
    """

    name: str
    row: str | list[str]
    cases: list[list[Any] | dict[str, Any]]
    contexts: dict[str, Any] = {}
    key: str = ""
    how: Literal["expression", "condition", "template"] = "expression"
    results: dict[str, str] = {}
    hashes: dict[str, str] = {}

    @property
    def rows(self) -> list[str]:
        return [self.row] if isinstance(self.row, str) else self.row


class Case(msgspec.Struct, frozen=True):
    """`value` is what is expected unless `error` is set."""

    group: Group
    text: str
    value: Value = None
    error: ErrorKind | None = None
    column: int = 0
    says: str = ""
    never: str = ""


@lru_cache(maxsize=1)
def groups() -> tuple[tuple[str, Group], ...]:
    return tuple(
        (path.stem, group)
        for path in sorted(FOLDER.glob("*.yaml"))
        for group in msgspec.convert(yaml.load(path.read_text(), yaml.CSafeLoader), list[Group])
    )


def cases() -> list[tuple[str, Case]]:
    """Each with a name for the test's id."""
    return [
        (f"{topic}: {group.name}: {case.text[:60]}", case)
        for topic, group in groups()
        for case in (_case(group, given) for given in group.cases)
    ]


def ours(case: Case) -> dict[str, Any]:
    """In the form of `answer`."""
    group = case.group
    if group.how == "expression" and not group.key:
        hashes = group.hashes
        return answer(case.text, group.contexts, (lambda patterns: hashes["|".join(patterns)]) if hashes else None)
    try:
        value = _evaluate(case.text, group)
    except ExpressionError as error:
        return error_answer(error.kind, error.message, error.column)
    return {"value": as_answered(value), "kind": kind_of(value)}


def as_answered(value: Value) -> Value:
    """NaN and the infinities are text in an answer."""
    if isinstance(value, float) and value - value != 0:
        return format_number(value)
    return value


def _evaluate(text: str, group: Group) -> Value:
    availability = availability_of(group.key) if group.key else everywhere
    scope = Scope(group.contexts, _status(group.contexts, group.results))
    match group.how:
        case "condition":
            return evaluate_condition(text, scope, availability)
        case "template":
            return evaluate_string(text, scope, availability)
        case "expression":
            return evaluate(parse(text, availability), scope)


def _status(contexts: Mapping[str, Any], results: dict[str, str]) -> Status:
    status = contexts.get("job", {}).get("status")
    return Status(results=results) if status is None else status_of_job(status)


def _case(group: Group, given: list[Any] | dict[str, Any]) -> Case:
    if isinstance(given, list):
        text, value = given
        return Case(group, text, value)
    before, times, after = cast(tuple[str, int, str], given.get("repeat", ("", 0, "")))
    text = before * times + given["expr"] + after * times
    for kind in KINDS:
        if kind in given:
            return Case(group, text, None, kind, given[kind], given.get("says", ""), given.get("never", ""))
    return Case(group, text, given["value"])
