"""What holds of every replay: the past alone decides, and sums are sums."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from services.learner.backtest.policies import POLICIES
from services.learner.backtest.replay import replay
from services.learner.backtest.synthetic import Parameters, endings
from services.learner.backtest.trace import Ending

made = st.builds(
    Ending,
    start_seconds=st.floats(min_value=0, max_value=1e6),
    key=st.integers(0, 2),
    sha=st.sampled_from("abc"),
    ended=st.sampled_from(["success", "failure", "hang"]),
    duration_ms=st.floats(min_value=0, max_value=21_600_000),
)
traces = st.lists(made, max_size=80).map(lambda all_: sorted(all_, key=lambda ending: ending.start_seconds))
rules = st.sampled_from(sorted(POLICIES))


@given(traces, rules, st.data())
def test_what_comes_later_changes_nothing_before(trace: list[Ending], rule: str, data: st.DataObject) -> None:
    """The outcome of a prefix is a part of the whole's: no count of it is ever taken back."""
    cut = data.draw(st.integers(0, len(trace)))
    whole, part = (replay(each, POLICIES[rule], 1_000) for each in (trace, trace[:cut]))
    rest = replay_of_rest(trace, cut, rule)
    assert whole.false_kills == part.false_kills + rest


def replay_of_rest(trace: list[Ending], cut: int, rule: str) -> int:
    """False kills after the cut, counted one ending at a time."""
    counts = [replay(trace[:place], POLICIES[rule], 1_000).false_kills for place in range(cut, len(trace) + 1)]
    steps = [after - before for before, after in pairwise(counts)]
    assert all(step in (0, 1) for step in steps)
    return sum(steps)


@given(traces, rules)
def test_nothing_is_saved_or_lost_that_was_not_there(trace: list[Ending], rule: str) -> None:
    outcome = replay(trace, POLICIES[rule], 1_000)
    assert outcome.runs + outcome.hangs == len(trace)
    assert 0 <= outcome.saved_minutes <= outcome.hang_minutes * (1 + 1e-9)
    assert 0 <= outcome.false_kills <= outcome.runs


@settings(max_examples=20)
@given(st.integers(min_value=0), st.integers(1, 5), st.floats(min_value=1, max_value=50))
def test_every_seed_is_a_trace(seed: int, jobs: int, per_job: float) -> None:
    parameters = Parameters(jobs=jobs, per_job=per_job)
    trace = endings(seed, parameters)
    assert trace == endings(seed, parameters)
    assert {ending.key for ending in trace} == set(range(jobs))
    assert all(0 < ending.duration_ms <= ending.declared_ms for ending in trace)
