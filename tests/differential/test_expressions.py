"""Ours and GitHub's evaluator on generated questions: the same answer, or a difference listed with its reason."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.conformance.expressions.cases import cases
from tests.differential.comparing import Difference, compare
from tests.differential.generating import Question, questions, shortened
from tests.differential.known import KNOWN, Known, explanation
from tests.differential.oracle import Oracle, OracleCrash

SHORT = 1_500
LONG = 20_000
LEAST_CONFORMANCE_CASES = 800


@pytest.mark.timeout(600)  # The long form on a busy machine.
def test_expressions_mean_what_they_mean_on_github(oracle: Oracle, request: pytest.FixtureRequest) -> None:
    count = LONG if request.config.getoption("--differential-long", default=False) else SHORT
    tally: Counter[str] = Counter()
    unexplained: list[Difference] = []

    # Each example is a seed; hypothesis has nothing to shrink, and all its examples are to be seen.
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(questions)
    def ask(question: Question) -> None:
        found = difference(oracle, question)
        if found is None:
            tally["the same"] += 1
            return
        known = explanation(found)
        tally[f"known: {known.name}" if known else "not known"] += 1
        if known is None:
            unexplained.append(found)

    ask()
    print(f"\n{tally.total():,} expressions: " + ", ".join(f"{name} {times:,}" for name, times in tally.most_common()))
    assert tally.total() >= count
    assert not unexplained, "\n".join(shortest(oracle, found).told() for found in unexplained[:5])


def difference(oracle: Oracle, question: Question) -> Difference | None:
    try:
        return compare(oracle, *question)
    except OracleCrash:
        return None


def shortest(oracle: Oracle, found: Difference) -> Difference:
    """The same kind of failure, small enough to be read."""

    def fails(question: Question) -> bool:
        smaller = difference(oracle, question)
        return smaller is not None and explanation(smaller) is None

    return difference(oracle, shortened((found.expression, dict(found.contexts)), fails)) or found


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: known.name)
def test_each_known_difference_is_still_one(oracle: Oracle, known: Known) -> None:
    found = compare(oracle, known.example, {"github": {"a": 1, "A": 2}} if "github" in known.example else {})
    assert found is not None, "GitHub's package has come to agree: take it off the list"
    assert explanation(found) is known


def test_the_cases_of_the_conformance_tests_hold_on_github_too(oracle: Oracle) -> None:
    plain = [case for _, case in cases() if case.group.how == "expression" and not case.group.key]
    compared = [compare(oracle, case.text, case.group.contexts) for case in plain if not case.group.hashes]
    unexplained = [found for found in compared if found is not None and explanation(found) is None]
    assert len(compared) > LEAST_CONFORMANCE_CASES
    assert not unexplained, "\n".join(found.told() for found in unexplained)


def test_a_difference_that_is_not_listed_is_found(oracle: Oracle) -> None:
    wrong = Difference("1", {}, {"value": 2, "kind": "number"}, oracle.evaluate("1", {}))
    assert explanation(wrong) is None
