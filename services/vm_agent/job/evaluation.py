"""Evaluates the keys of a job and its steps; where an expression asks for `hashFiles`, the sandbox is asked and the
expression evaluated again.

Every error names the key and where it stands, and is the job's own failure: an expression never ends an agent.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from libs.contracts.plan import Template
from libs.workflow.expressions import (
    ExpressionError,
    HashFilesWanted,
    Scope,
    Value,
    availability_of,
    evaluate_condition,
    evaluate_string,
    evaluate_template,
    evaluate_text,
    has_expression,
    to_string,
)
from services.vm_agent.job.hashing import HashingFailed

T = TypeVar("T")
HASHES_A_KEY = 100
"""Different `hashFiles` in one key: more is a mistake or mischief, each walks the workspace."""
SECONDS_A_MINUTE = 60.0


class BadKey(Exception):
    """A key of the workflow cannot be evaluated; the message says which, where and why."""


Hasher = Callable[[tuple[str, ...]], Awaitable[str]]


class Evaluator:
    """For one place of the workflow: `where` is `path:line`."""

    def __init__(self, scope: Scope, hasher: Hasher, where: str) -> None:
        self._scope, self._hasher, self._where = scope, hasher, where

    async def text(self, template: str, key: str) -> str:
        availability = availability_of(key)
        return await self._evaluated(key, lambda scope: evaluate_text(template, scope, availability))

    async def scalar(self, template: Template, key: str) -> str:
        return await self.text(template, key) if isinstance(template, str) else to_string(template)

    async def condition(self, template: str | None, key: str) -> bool:
        availability = availability_of(key)
        return await self._evaluated(key, lambda scope: evaluate_condition(template or "", scope, availability))

    async def mapping(self, templates: Mapping[str, Template] | str, key: str) -> dict[str, str]:
        """`env` and `with`: each value a text; or all of it one expression that gives a mapping."""
        if isinstance(templates, str):
            return self._texts(await self.value(templates, key), key)
        if any(has_expression(name) for name in templates):
            whole, availability = dict[str, Value](templates), availability_of(key)
            return self._texts(
                await self._evaluated(key, lambda scope: evaluate_template(whole, scope, availability)), key
            )
        return {name: await self.scalar(template, key) for name, template in templates.items()}

    async def boolean(self, template: bool | str, key: str) -> bool:
        value = template if isinstance(template, bool) else await self.value(template, key)
        if isinstance(value, str) and value.strip().lower() in {"true", "false"}:
            value = value.strip().lower() == "true"
        if not isinstance(value, bool):
            raise self._bad(key, f"expected true or false, it is {_described(value)}")
        return value

    async def seconds(self, template: float | str | None, key: str) -> float | None:
        """`timeout-minutes`; None where there is no limit."""
        value = await self.value(template, key) if isinstance(template, str) else template
        if isinstance(value, str):
            value = _number(value)
        if value is None or isinstance(value, bool | list | dict) or math.isnan(value):
            if template is None:
                return None
            raise self._bad(key, f"expected a number of minutes, it is {_described(value)}")
        return value * SECONDS_A_MINUTE if 0 < value < math.inf else None

    async def value(self, template: str, key: str) -> Value:
        """Typed, where the template is one expression."""
        availability = availability_of(key)
        return await self._evaluated(key, lambda scope: evaluate_string(template, scope, availability))

    async def _evaluated(self, key: str, evaluate: Callable[[Scope], T]) -> T:
        hashes: dict[tuple[str, ...], str] = {}
        while True:
            scope = Scope(self._scope.contexts, self._scope.status, hashes) if hashes else self._scope
            try:
                return evaluate(scope)
            except HashFilesWanted as wanted:
                if len(hashes) >= HASHES_A_KEY:
                    raise self._bad(key, f"more than {HASHES_A_KEY} different calls of hashFiles") from None
                hashes[wanted.patterns] = await self._hash(wanted.patterns, key)
            except ExpressionError as error:
                raise self._bad(key, error.message) from None

    async def _hash(self, patterns: tuple[str, ...], key: str) -> str:
        try:
            return await self._hasher(patterns)
        except HashingFailed as error:
            raise self._bad(key, str(error)) from None

    def _texts(self, value: Value, key: str) -> dict[str, str]:
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self._bad(key, f"expected a mapping, it is {_described(value)}")
        for name, item in value.items():
            if isinstance(item, list | dict):
                raise self._bad(key, f"'{name}' is {_described(item)}, and text was expected")
        return {name: to_string(item) for name, item in value.items()}

    def _bad(self, key: str, why: str) -> BadKey:
        return BadKey(f"{self._where}: {key.rpartition('.')[2]}: {why}")


def _described(value: Value) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number" if not math.isnan(value) else "not a number"
        case str():
            return "a string"
        case list():
            return "a sequence"
        case dict():
            return "a mapping"


def _number(text: str) -> float:
    try:
        return float(text.strip())
    except ValueError:
        return math.nan
