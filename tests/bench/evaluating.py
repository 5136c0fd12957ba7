"""One expression evaluated again and again, as an agent does with an `if`: parsed once, and parsed anew each time."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from libs.workflow.expressions import Scope, Value, evaluate, everywhere
from libs.workflow.expressions.parser import parse_uncached
from tests.bench.figures import Figure, median

EXPRESSION = "github.ref == 'refs/heads/main' && !cancelled()"
CONTEXTS: dict[str, Value] = {
    "github": {**{f"key_{number}": "value" for number in range(40)}, "ref": "refs/heads/MAIN"}
}
"""As large as the real context, with a text that equals by ignoring case only: neither side gets away cheaply."""

ROUNDS = 15
EVALUATIONS = 4_000
AIM = 100_000


async def measure(folder: Path) -> list[Figure]:
    scope = Scope(CONTEXTS)
    tree = parse_uncached(EXPRESSION, everywhere)
    assert evaluate(tree, scope) is True
    ours: list[float] = []
    cold: list[float] = []
    python: list[float] = []
    for _ in range(ROUNDS):
        python.append(_each_second(_in_python))
        ours.append(_each_second(lambda: evaluate(tree, scope)))
        cold.append(_each_second(lambda: evaluate(parse_uncached(EXPRESSION, everywhere), scope)))
    limit = median(python)
    return [
        Figure("evaluate one parsed expression", median(ours), "/s", "more", limit, "the same in Python", AIM),
        Figure("parse and evaluate it anew", median(cold), "/s", "more", limit, "the same in Python"),
    ]


def _in_python() -> bool:
    github = CONTEXTS["github"]
    assert isinstance(github, dict)
    ref = github["ref"]
    return isinstance(ref, str) and ref.upper() == "REFS/HEADS/MAIN" and not Scope().status.cancelled


def _each_second(action: Callable[[], object]) -> float:
    """By the time of the processor: nothing here waits, so the clock would add the machine's other work and no more."""
    began = time.process_time()
    for _ in range(EVALUATIONS):
        action()
    return EVALUATIONS / (time.process_time() - began)
