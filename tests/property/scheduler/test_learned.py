"""What was learned and not opted into changes nothing, byte for byte; what was opted into stays within its bounds."""

from __future__ import annotations

from collections import Counter
from functools import cache

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.contracts.advice import Advice
from libs.contracts.ids import JobKey
from libs.contracts.run import JobAssigned, JobFinished, JobQueued, TimeoutAdjusted
from libs.contracts.timers import JobDeadline
from services.scheduler.learned import Bounds
from services.scheduler.run_state import ON_A_HOST
from tests.unit.services.scheduler.advised import flaky, limit
from tests.unit.services.scheduler.story import Story, host, job, matrix, plan

MOVES = ("success", "failure", "error", "lost", "refused", "deadline", "cancel", "rerun")
walks = st.lists(st.tuples(st.sampled_from(MOVES), st.integers(0, 3)), max_size=14)


PLAN = plan(
    job("a", steps=2),
    job("b", steps=1, needs=("a",), timeout_minutes=3),
    job("m", steps=1, strategy=matrix({"os": ["x", "y"]}), continue_on_error=True),
)


@cache
def keys() -> tuple[JobKey, ...]:
    story = Story(PLAN)
    story.go()
    return tuple(story.run.jobs)


@st.composite
def advice(draw: st.DrawFn) -> tuple[Advice, ...]:
    limits = [limit(key, draw(st.floats(0.1, 90_000))) for key in keys() if draw(st.booleans())]
    flakes = [flaky(key, draw(st.sampled_from(["", "step 0", "step 1"]))) for key in keys() if draw(st.booleans())]
    return (*limits, *flakes)


def walk(story: Story, moves: list[tuple[str, int]]) -> Story:
    story.go()
    for number, (move, pick) in enumerate(moves):
        live = [each for each in story.run.jobs.values() if each.phase in ON_A_HOST]
        if move == "cancel":
            story.cancel(f"c{number}")
        elif move == "rerun":
            story.rerun(f"r{number}")
        elif live:
            _move(story, live[pick % len(live)].key, move)
        story.later(1)
    return story


def _move(story: Story, key: str, move: str) -> None:
    mine = story.job(key)
    assert mine.attempt is not None
    match move:
        case "lost":
            story.starts(key).loses(key).go()
        case "refused":
            story.refuses(key).go()
        case "deadline":
            story.starts(key).fires(JobDeadline("octo", "demo", story.run.id, mine.key, mine.attempt.n))
            story.ends(key, "timeout").go()
        case _:
            story.does(key, move)  # type: ignore[arg-type]


def stored(story: Story) -> bytes:
    return msgspec.json.encode(story.events)


@settings(max_examples=60)
@given(advice(), walks)
def test_without_an_opt_in_or_where_it_is_forbidden_nothing_changes(
    given_: tuple[Advice, ...], moves: list[tuple[str, int]]
) -> None:
    plain = stored(walk(Story(PLAN), moves))
    everything = Bounds(frozenset({"timeouts", "retries"}), 2_000)
    assert stored(walk(Story(PLAN).knows(*given_), moves)) == plain
    assert stored(walk(Story(PLAN).knows(*given_, bounds=everything, timeouts="apply", retry_flaky=3), moves)) == plain
    assert stored(walk(Story(PLAN).knows(timeouts="apply", retry_flaky=3), moves)) == plain


@settings(max_examples=60)
@given(advice(), walks)
def test_a_stranger_changes_nothing(given_: tuple[Advice, ...], moves: list[tuple[str, int]]) -> None:
    fork, hosts = msgspec.structs.replace(PLAN, trust="fork"), host(takes_forks=True)
    told = Story(fork, hosts).knows(*given_, timeouts="apply", retry_flaky=3)
    assert stored(walk(told, moves)) == stored(walk(Story(fork, hosts), moves))


@settings(max_examples=80)
@given(advice(), walks, st.integers(0, 3), st.integers(1_000, 600_000))
def test_what_is_opted_into_stays_within_its_bounds(
    given_: tuple[Advice, ...], moves: list[tuple[str, int]], retries: int, floor_ms: int
) -> None:
    bounds = Bounds(floor_ms=floor_ms)
    story = walk(Story(PLAN).knows(*given_, bounds=bounds, timeouts="apply", retry_flaky=retries), moves)
    numbers = Counter((event.job, event.n) for event in story.events if isinstance(event, JobAssigned))
    assert set(numbers.values()) <= {1}
    again = Counter((e.job, e.run_attempt) for e in story.events if isinstance(e, JobQueued) and e.retry_of)
    assert all(count <= retries for count in again.values())
    for before, event in zip(story.events, story.events[1:], strict=False):
        if isinstance(event, TimeoutAdjusted):
            assert isinstance(before, JobQueued)
            assert before.job == event.job
            assert floor_ms <= event.to_ms < event.from_ms == before.timeout_ms
        if isinstance(event, JobFinished) and event.outcome == "success" and event.retries:
            assert "known flaky" in event.why
