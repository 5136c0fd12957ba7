"""What holds of the formulas whatever the log says."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from libs.workflow.critical_path import critical_path
from services.learner.learning.flakiness import Observation, flakiness
from services.learner.learning.pool import pool_size
from services.learner.learning.rates import success_rate
from services.learner.learning.timeouts import WINDOW, Window, limit, limit_of

durations = st.floats(min_value=0, max_value=1e12)
many = st.lists(durations, max_size=230)
spans = st.floats(min_value=1, max_value=1e9)
kills = st.integers(min_value=0, max_value=100)
DAY = 86_400.0
shares = st.floats(min_value=0, max_value=1)
outcomes = st.lists(st.tuples(st.floats(min_value=0, max_value=1e9), st.booleans()), max_size=60)
half_lives = st.one_of(st.none(), st.floats(min_value=60, max_value=1e9))


@given(many, kills, spans, spans)
def test_a_limit_is_between_the_floor_and_what_is_declared(
    successes: list[float], killed: int, floor: float, declared: float
) -> None:
    known = limit(successes, killed, floor, declared)
    assert min(floor, declared) <= known.limit_ms <= declared


@given(many, kills, spans, spans)
def test_one_more_kill_never_shortens_a_limit(
    successes: list[float], killed: int, floor: float, declared: float
) -> None:
    assert limit(successes, killed, floor, declared).limit_ms <= limit(successes, killed + 1, floor, declared).limit_ms


@given(st.lists(durations, min_size=3, max_size=230), kills, spans, spans)
def test_no_limit_is_under_a_success_that_it_was_made_of(
    successes: list[float], killed: int, floor: float, declared: float
) -> None:
    known = limit(successes, killed, floor, declared)
    assert known.limit_ms >= min(declared, max(successes[-WINDOW:]))


@given(st.lists(durations, min_size=3, max_size=198), spans, spans)
def test_up_to_198_successes_it_is_twice_the_longest(successes: list[float], floor: float, declared: float) -> None:
    assert limit(successes, 0, floor, declared).limit_ms >= min(declared, 2 * max(successes))


@given(many, kills, spans, spans)
def test_a_window_that_grew_says_the_same(successes: list[float], killed: int, floor: float, declared: float) -> None:
    window = Window()
    for duration in successes:
        window.add(duration)
    grown = limit_of(window.sample(), killed, floor, declared)
    at_once = limit(successes, killed, floor, declared)
    assert (grown.rule, grown.n, grown.upper_ms) == (at_once.rule, at_once.n, at_once.upper_ms)
    assert abs(grown.limit_ms - at_once.limit_ms) <= 1e-6 * at_once.limit_ms


@given(outcomes, shares, half_lives)
def test_a_rate_is_a_share_within_its_own_interval(
    seen: list[tuple[float, bool]], parent: float, half_life: float | None
) -> None:
    known = success_rate(seen, 1e9, parent, half_life)
    assert 0 <= known.low <= known.mean <= known.high <= 1
    assert 0 <= known.weight <= len(seen)


@given(st.integers(min_value=0, max_value=40), st.integers(min_value=0, max_value=40))
def test_twice_the_evidence_is_a_narrower_interval(passed: int, failed: int) -> None:
    assume(passed + failed)
    seen = [(0.0, True)] * passed + [(0.0, False)] * failed
    parent = passed / (passed + failed)
    once, twice = (success_rate(seen * times, 0.0, parent, None) for times in (1, 2))
    assert twice.high - twice.low < once.high - once.low


@given(st.lists(st.tuples(st.floats(min_value=0, max_value=90 * DAY), st.sampled_from("abcdef")), max_size=80))
def test_one_outcome_alone_is_never_flaky(seen: list[tuple[float, str]]) -> None:
    for passed in (True, False):
        known = flakiness([Observation(at, sha, passed) for at, sha in seen], 90 * DAY)
        assert known.state == "none"


observations = st.builds(
    Observation, st.floats(min_value=0, max_value=90 * DAY), st.sampled_from("abcdef"), st.booleans()
)


@given(st.lists(observations, max_size=80))
def test_a_flaky_key_has_two_commits_and_a_bound_that_is_a_share(seen: list[Observation]) -> None:
    known = flakiness(seen, 90 * DAY)
    assert 0 <= known.lower_bound < 1
    assert (known.state == "none") == (known.commits == ())
    assert known.state != "flaky" or len(known.commits) > 1


@given(
    st.lists(st.floats(min_value=0, max_value=1e5), max_size=200),
    st.floats(min_value=1, max_value=1e4),
    st.floats(min_value=0, max_value=4),
    st.floats(min_value=0, max_value=4),
)
def test_more_certainty_and_more_jobs_need_no_smaller_pool(
    arrivals: list[float], window: float, z: float, more: float
) -> None:
    size = pool_size(arrivals, window, 1e5, z).size
    assert size <= pool_size(arrivals, window, 1e5, z + more).size
    assert size >= (1 if arrivals else 0)


@given(st.lists(st.integers(0, 9_999), min_size=30, max_size=60))
def test_each_arrival_twice_needs_no_smaller_pool(tens_of_seconds: list[int]) -> None:
    arrivals = [10.0 * number for number in tens_of_seconds]
    assert pool_size(arrivals, 60.0, 1e5).size <= pool_size(arrivals * 2, 60.0, 1e5).size


@given(
    st.lists(st.floats(min_value=0, max_value=1e6), max_size=20).flatmap(
        lambda lengths: st.tuples(
            st.just(lengths),
            st.tuples(
                *(
                    st.frozensets(st.integers(0, max(place - 1, 0)), max_size=min(place, 3))
                    for place in range(len(lengths))
                )
            ),
        )
    )
)
def test_whoever_is_waited_for_holds_up_more_than_who_waits(
    graph: tuple[list[float], tuple[frozenset[int], ...]],
) -> None:
    lengths, waits = graph
    durations_of = {str(place): length for place, length in enumerate(lengths)}
    needs = {str(place): tuple(str(other) for other in others) for place, others in enumerate(waits)}
    paths = critical_path(durations_of, needs)
    for job, needed in needs.items():
        assert all(paths[other] >= durations_of[other] + paths[job] for other in needed)
    assert all(paths[job] >= length for job, length in durations_of.items())
    assert max(paths.values(), default=0) <= sum(lengths) * (1 + 1e-9)
