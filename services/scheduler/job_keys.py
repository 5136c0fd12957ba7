"""A job's keys, evaluated: what `name`, `runs-on`, `timeout-minutes`, `continue-on-error` and `strategy` come to.

A key that cannot be evaluated, or gives what the key cannot be, is the workflow's mistake: `BadKey` ends the job.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import msgspec

from libs.contracts.ids import job_key
from libs.contracts.plan import PlannedJob, Strategy
from libs.contracts.run import Combination
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
    kind_of,
    to_string,
)
from libs.workflow.matrix import MatrixError, canonical_json, display_name, expand

MAX_TIMEOUT_MINUTES = 5 * 24 * 60
"""GitHub's limit for a job on a self-hosted runner; a longer one is cut to it."""
MAX_MATRIX_BYTES = 256 * 1024
"""All combinations as JSON: they stand in one event, and a message may be 1 MiB."""
MAX_LABELS = 32
"""GitHub's jobs name a handful; more is a mistake or an attack on the log."""
MAX_LABEL_CHARACTERS = 256
"""GitHub's limit for a label."""
MAX_WHY_CHARACTERS = 200
"""How much of an expression a reason repeats."""


MatrixFilter = Mapping[str, tuple[str, ...]]
"""Of combinations that have such a key only those with one of its values run."""


class BadKey(Exception):
    """A key of a job is wrong; the message is for whoever wrote the workflow."""


class Ready(msgspec.Struct, frozen=True):
    """The evaluated keys of a job that may run."""

    name: str
    labels: tuple[str, ...]
    host_group: str
    timeout_ms: int
    continue_on_error: bool
    cancel_timeout_ms: int | None = None


class Expanded(msgspec.Struct, frozen=True):
    combinations: tuple[Combination, ...]
    fail_fast: bool
    max_parallel: int | None


def condition(planned: PlannedJob, scope: Scope) -> bool:
    """Whether the job runs. Raises BadKey."""
    text = planned.if_ or ""
    try:
        return evaluate_condition(text, scope, availability_of("jobs.<job_id>.if"))
    except (ExpressionError, HashFilesWanted) as error:
        raise _bad(planned, "if", error) from None


def ready(planned: PlannedJob, scope: Scope) -> Ready:
    """Raises BadKey."""
    labels, host_group = _runs_on(planned, scope)
    return Ready(
        name=name(planned, scope),
        labels=labels,
        host_group=host_group,
        timeout_ms=_timeout_ms(planned, scope),
        continue_on_error=_flag(planned, "continue-on-error", planned.continue_on_error, scope),
        cancel_timeout_ms=_cancel_timeout_ms(planned, scope),
    )


def expanded(planned: PlannedJob, scope: Scope, job_id: str, wanted: MatrixFilter) -> Expanded:
    """The jobs of a matrix, of which `wanted` may take some away: then there may be none. `job_id` is the job's id in
    the run. Raises BadKey.
    """
    strategy = planned.strategy
    assert strategy is not None
    matrix = _value(planned, "strategy.matrix", cast(Value, strategy.matrix), scope)
    if not isinstance(matrix, dict):
        raise BadKey(f"{_at(planned, 'strategy.matrix')}: expected a mapping, found {_article(matrix)}")
    try:
        found = expand(cast(dict[str, Value], matrix))
    except MatrixError as error:
        raise BadKey(f"{_at(planned, 'strategy.matrix')}: {error.message}") from None
    if not found:
        raise BadKey(f"{_at(planned, 'strategy.matrix')}: `exclude` leaves no combination")
    found = [values for values in found if _wanted(values, wanted)]
    texts = [canonical_json(values) for values in found]
    if sum(map(len, texts)) > MAX_MATRIX_BYTES:
        raise BadKey(f"{_at(planned, 'strategy.matrix')}: its values are over {MAX_MATRIX_BYTES} bytes")
    return Expanded(
        combinations=_combinations(job_id, found, texts),
        fail_fast=_flag(planned, "strategy.fail-fast", strategy.fail_fast, scope),
        max_parallel=_max_parallel(planned, strategy, scope),
    )


def _wanted(values: Mapping[str, Value], wanted: MatrixFilter) -> bool:
    return all(to_string(values[key]) in texts for key, texts in wanted.items() if key in values)


def _combinations(job_id: str, found: list[dict[str, Value]], texts: list[bytes]) -> tuple[Combination, ...]:
    """Two jobs of the same values (an `include` twice) differ by their place, since a key names one job."""
    taken: set[str] = set()
    result: list[Combination] = []
    for index, (values, text) in enumerate(zip(found, texts, strict=True)):
        key = job_key(job_id, text.decode())
        if key in taken:
            key = job_key(job_id, f"{text.decode()}\n{index}")
        taken.add(key)
        result.append(Combination(job=key, values=cast(dict[str, object], values), index=index))
    return tuple(result)


def name(planned: PlannedJob, scope: Scope) -> str:
    """A template says it all; any other name is followed by the values of the matrix, as on GitHub. Raises BadKey."""
    if planned.name is not None and has_expression(planned.name):
        try:
            text = evaluate_text(planned.name, scope, availability_of("jobs.<job_id>.name"))
        except (ExpressionError, HashFilesWanted) as error:
            raise _bad(planned, "name", error) from None
        if text.strip():
            return text
    fixed = planned.name if planned.name and not has_expression(planned.name) else planned.id
    values = scope.contexts.get("matrix")
    return display_name(fixed, cast(dict[str, Value], values)) if isinstance(values, dict) else fixed


def _runs_on(planned: PlannedJob, scope: Scope) -> tuple[tuple[str, ...], str]:
    """The labels, and the group of hosts: a group alone takes any host of it."""
    value = _value(planned, "runs-on", cast(Value, planned.runs_on), scope)
    if not isinstance(value, dict):
        return _labels(planned, value), ""
    group = value.get("group")
    if group is None:
        return _labels(planned, value.get("labels")), ""
    if not isinstance(group, str) or not group.strip() or len(group) > MAX_LABEL_CHARACTERS:
        raise BadKey(f"{_at(planned, 'runs-on')}: expected a group's name, found {_article(group)}")
    labels = value.get("labels")
    return () if labels is None or labels == [] else _labels(planned, labels), group.strip().rpartition("/")[2]


def _labels(planned: PlannedJob, value: Value) -> tuple[str, ...]:
    found = value if isinstance(value, list) else [value]
    labels = tuple(label.strip() for label in found if isinstance(label, str))
    if len(labels) != len(found) or not all(labels) or not labels:
        raise BadKey(f"{_at(planned, 'runs-on')}: expected a label or a list of labels, found {_article(value)}")
    if len(labels) > MAX_LABELS or any(len(label) > MAX_LABEL_CHARACTERS for label in labels):
        raise BadKey(f"{_at(planned, 'runs-on')}: {MAX_LABELS} labels of {MAX_LABEL_CHARACTERS} characters at most")
    return labels


def _timeout_ms(planned: PlannedJob, scope: Scope) -> int:
    minutes = _number(planned, "timeout-minutes", planned.timeout_minutes, scope)
    return max(1, int(min(minutes, MAX_TIMEOUT_MINUTES) * 60_000))


def _cancel_timeout_ms(planned: PlannedJob, scope: Scope) -> int | None:
    written = planned.cancel_timeout_minutes
    if written is None:
        return None
    return max(1, int(min(_number(planned, "cancel-timeout-minutes", written, scope), MAX_TIMEOUT_MINUTES) * 60_000))


def _max_parallel(planned: PlannedJob, strategy: Strategy, scope: Scope) -> int | None:
    if strategy.max_parallel is None:
        return None
    return max(1, int(min(_number(planned, "strategy.max-parallel", strategy.max_parallel, scope), 1_000)))


def _number(planned: PlannedJob, key: str, written: float | str, scope: Scope) -> float:
    value = _value(planned, key, written, scope)
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            raise BadKey(f"{_at(planned, key)}: expected a number, found text") from None
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise BadKey(f"{_at(planned, key)}: expected a number above 0, found {_article(value)}")
    return value


def _flag(planned: PlannedJob, key: str, written: bool | str, scope: Scope) -> bool:
    value = _value(planned, key, written, scope)
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise BadKey(f"{_at(planned, key)}: expected true or false, found {_article(value)}")
    return value


def _value(planned: PlannedJob, key: str, written: Value, scope: Scope) -> Value:
    if not isinstance(written, str | list | dict):
        return written
    availability = availability_of(f"jobs.<job_id>.{key}")
    try:
        if isinstance(written, str):
            return evaluate_string(written, scope, availability)
        return evaluate_template(written, scope, availability)
    except (ExpressionError, HashFilesWanted) as error:
        raise _bad(planned, key, error) from None


def _bad(planned: PlannedJob, key: str, error: ExpressionError | HashFilesWanted) -> BadKey:
    return BadKey(f"{_at(planned, key)}: {error}")


def _at(planned: PlannedJob, key: str) -> str:
    return f"`{key}` of job {planned.id} (line {planned.line})"


def _article(value: Value) -> str:
    """What was found, by its kind alone: a value may be long or private."""
    kind = kind_of(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return "nothing" if kind == "null" else f"an {kind}" if kind[0] in "ao" else f"a {kind}"
