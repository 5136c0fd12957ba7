"""Ours and GitHub's parser on generated workflows: the same are taken and refused, or it is listed why not."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.conformance.acceptance.cases import cases
from tests.differential.known_workflows import KNOWN
from tests.differential.oracle import Oracle, OracleCrash
from tests.differential.workflows.comparing import Judgement, judge
from tests.differential.workflows.generating import spoilt, valid

SHORT = 200
LONG = 2_000


@pytest.mark.row("files: compared with GitHub's own parser")
@pytest.mark.parametrize(("kind", "texts"), [("valid", valid), ("spoilt", spoilt)])
def test_workflows_are_judged_as_on_github(
    oracle: Oracle, request: pytest.FixtureRequest, kind: str, texts: st.SearchStrategy[str]
) -> None:
    count = LONG if request.config.getoption("--differential-long", default=False) else SHORT
    tally: Counter[str] = Counter()
    unexplained: list[Judgement] = []

    # Each example is a seed; hypothesis has nothing to shrink, and all its examples are to be seen.
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(texts)
    def ask(text: str) -> None:
        try:
            judgement = judge(oracle, text)
        except OracleCrash:
            tally["GitHub's code crashed"] += 1
            return
        differs = judgement.differs()
        tally["not known" if differs else judgement.counts] += 1
        if differs:
            unexplained.append(judgement)

    ask()
    print(f"\n{tally.total():,} {kind}: " + ", ".join(f"{name} {times:,}" for name, times in tally.most_common()))
    assert tally.total() >= count
    assert not unexplained, "\n".join(found.told() for found in sorted(unexplained, key=_length)[:3])


@pytest.mark.row("files: compared with GitHub's own parser")
def test_the_cases_of_the_language_are_judged_as_on_github(oracle: Oracle) -> None:
    differing = [judge(oracle, case.text) for case in cases().values()]

    assert [found.told() for found in differing if found.differs()] == []


def test_each_known_difference_has_its_reason() -> None:
    assert len({known.name for known in KNOWN}) == len(KNOWN)
    assert all(known.reason for known in KNOWN)


def _length(found: Judgement) -> int:
    return len(found.text)
