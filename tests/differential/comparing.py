"""Our answer beside GitHub's, and whether they are the same: value with its type, or an error's kind, words and column.

Of an error's message the first words are compared (`Too few parameters supplied`): ours go on with a hint.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from libs.workflow.expressions import Value, answer
from tests.differential.oracle import Oracle


class Difference(msgspec.Struct, frozen=True):
    expression: str
    contexts: Mapping[str, Value]
    ours: dict[str, Any]
    theirs: dict[str, Any]

    @property
    def our_error(self) -> str:
        return words_of(self.ours)

    @property
    def their_error(self) -> str:
        return words_of(self.theirs)

    def told(self) -> str:
        lowered = self.expression.lower()
        used = {name: value for name, value in self.contexts.items() if name in lowered}
        return f"{self.expression!r} with {used!r}\n    ours:     {self.ours!r}\n    GitHub's: {self.theirs!r}"


def compare(oracle: Oracle, expression: str, contexts: Mapping[str, Value]) -> Difference | None:
    """None where both answer the same. Raises OracleCrash where GitHub's code did not survive the question."""
    ours = answer(expression, contexts)
    theirs = oracle.evaluate(expression, contexts)
    return None if same(ours, theirs) else Difference(expression, contexts, ours, theirs)


def same(ours: dict[str, Any], theirs: dict[str, Any]) -> bool:
    if "error" in ours and "error" in theirs:
        mine, other = ours["error"], theirs["error"]
        if mine["kind"] != other["kind"]:
            return False
        # GitHub's evaluator tells neither where nor, of JavaScript's own errors, in which words.
        return mine["kind"] == "evaluation" or (
            mine["column"] == other["column"] and words_of(ours) == words_of(theirs)
        )
    if "error" in ours or "error" in theirs:
        return False
    return ours["kind"] == theirs["kind"] and same_value(ours["value"], theirs["value"])


def same_value(ours: Value, theirs: Value) -> bool:
    """Strictly: types, the order of keys, and every digit of a number; a whole number may be int or float."""
    if isinstance(ours, bool) or isinstance(theirs, bool):
        return ours is theirs
    if isinstance(ours, int | float) and isinstance(theirs, int | float):
        return ours == theirs
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same_value, ours, theirs))
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return list(ours) == list(theirs) and all(same_value(ours[key], theirs[key]) for key in ours)
    return ours == theirs


def words_of(answered: dict[str, Any]) -> str:
    """An error's message up to what it quotes; "" for a value."""
    message: str = answered["error"]["message"] if "error" in answered else ""
    return message.partition(":")[0].partition(". Located")[0]
