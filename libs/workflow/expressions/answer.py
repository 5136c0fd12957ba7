"""What `firebreak expr` answers: plain JSON data for an expression and its contexts. Other people's scripts rely on it.

`{"value", "kind"}`, or `{"error": {"kind", "message", "column"}}`. NaN and the infinities, for which JSON has no
notation, are strings. Here the keys of `contexts` are the known names, and no availability table applies.
"""

import math
from collections.abc import Callable, Mapping
from typing import TypeAlias

from libs.workflow.expressions.availability import Availability, special_functions
from libs.workflow.expressions.errors import ErrorKind, ExpressionError, HashFilesWanted
from libs.workflow.expressions.evaluator import Scope, evaluate
from libs.workflow.expressions.parser import parse
from libs.workflow.expressions.status import Status, status_of_job
from libs.workflow.expressions.template import evaluate_string, opening
from libs.workflow.expressions.values import Value, as_float, format_number, kind_of, normal_number, trim

HashFiles: TypeAlias = Callable[[tuple[str, ...]], str]
Answer: TypeAlias = dict[str, Value]

max_answer_depth = 200
"""Levels of a value that can be answered; contexts may be given with more, and JSON writers recurse."""


def answer(expression: str, contexts: Mapping[str, Value], hash_files: HashFiles | None = None) -> Answer:
    """Evaluates an expression, bare or in `${{ }}`. Never raises for bad input: the answer says what is wrong.

    Status functions follow `contexts.job.status`, and without one all is well so far. hashFiles is answered by
    `hash_files`, and without it is an error of evaluation.
    """
    try:
        value = _evaluate(expression, contexts, hash_files)
        return {"value": _jsonable(value, 0), "kind": kind_of(value)}
    except ExpressionError as error:
        return error_answer(error.kind, error.message, error.column)


def error_answer(kind: ErrorKind, message: str, column: int) -> Answer:
    return {"error": {"kind": kind, "message": message, "column": column}}


def _evaluate(expression: str, contexts: Mapping[str, Value], hash_files: HashFiles | None) -> Value:
    availability = Availability("", tuple(contexts), special_functions)
    hashes: dict[tuple[str, ...], str] = {}
    scope = Scope(contexts, _status(contexts), hashes)
    while True:
        try:
            return _evaluate_once(expression, scope, availability)
        except HashFilesWanted as wanted:
            if hash_files is None:
                reason = "hashFiles needs a workspace, and there is none here"
                raise ExpressionError("evaluation", reason, wanted.column) from None
            hashes[wanted.patterns] = hash_files(wanted.patterns)


def _evaluate_once(expression: str, scope: Scope, availability: Availability) -> Value:
    trimmed = trim(expression)
    if not (trimmed.startswith(opening) and trimmed.endswith("}}")):
        return evaluate(parse(expression, availability), scope)
    try:
        return evaluate_string(trimmed, scope, availability)
    except ExpressionError as error:
        raise error.shifted(expression.find(opening)) from None


def _status(contexts: Mapping[str, Value]) -> Status:
    job = contexts.get("job")
    status = job.get("status") if isinstance(job, dict) else None
    return status_of_job(status) if isinstance(status, str) else Status()


def _jsonable(value: Value, depth: int) -> Value:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _jsonable_number(as_float(value))
    if not isinstance(value, list | dict):
        return value
    if depth >= max_answer_depth:
        raise ExpressionError("evaluation", f"The value has more than {max_answer_depth} levels", 1)
    if isinstance(value, list):
        return [_jsonable(item, depth + 1) for item in value]
    return {key: _jsonable(item, depth + 1) for key, item in value.items()}


def _jsonable_number(number: float) -> int | float | str:
    """As the double that it is on GitHub: contexts may hold `1.0`, which is 1, and whole numbers of any length."""
    return normal_number(number) if math.isfinite(number) else format_number(number)
