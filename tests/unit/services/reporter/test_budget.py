"""GitHub's limits on writing, on a clock that the test turns."""

from __future__ import annotations

from services.reporter.budget import HOUR_WRITES, MINUTE_WRITES, Budget


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_eighty_a_minute() -> None:
    clock = Clock()
    budget = Budget(clock)
    for _ in range(MINUTE_WRITES):
        assert budget.wait_seconds() == 0
        budget.spend()
    assert budget.wait_seconds() == 60
    clock.now += 60
    assert budget.wait_seconds() == 0


def test_five_hundred_an_hour() -> None:
    clock = Clock()
    budget = Budget(clock)
    for _ in range(HOUR_WRITES):
        budget.spend()
        clock.now += 1
    assert budget.wait_seconds() == 3600 - HOUR_WRITES


def test_what_github_says_comes_on_top_and_is_bounded() -> None:
    clock = Clock()
    budget = Budget(clock)
    budget.close(30)
    budget.close(10)
    assert budget.wait_seconds() == budget.closed_seconds() == 30
    budget.close(1e9)
    assert budget.closed_seconds() == 3600


def test_pauses_grow_while_nothing_answers_and_begin_anew_after_an_answer() -> None:
    budget = Budget(Clock())
    assert [budget.failed() for _ in range(9)] == [0.5, 1, 2, 4, 8, 16, 32, 60, 60]
    budget.answered()
    assert budget.failed() == 0.5
