"""What became of advice: right, wrong, and what it saved."""

from __future__ import annotations

from libs.contracts.advice import TimeoutAdvice
from tests.unit.services.learner.advising.story import DECLARED_MS, MINUTE_MS, Story


def known(ms: float = MINUTE_MS) -> Story:
    story = Story()
    for _ in range(12):
        story.run(ms=ms)
    story.give()
    return story


def limit_of(story: Story) -> float:
    (piece,) = story.advised(TimeoutAdvice)
    return piece.limit_ms


def told(story: Story) -> tuple[int, int, int, int, float]:
    """After a day, when everything is told: seen, applied, right, wrong, saved."""
    story.now += 86_400
    story.give()
    measured = story.measured("timeout")
    return measured.seen, measured.applied, measured.right, measured.wrong, measured.saved_ms


def test_a_limit_that_nobody_applies_is_measured_against_what_happened() -> None:
    story = known()
    limit_ms = limit_of(story)
    story.run()
    story.run("cancellation", limit_ms + 5 * MINUTE_MS)
    story.run("timeout", DECLARED_MS)
    story.run("cancellation", 10.0)
    story.run("failure", limit_ms + MINUTE_MS)
    assert told(story) == (5, 0, 2, 0, 5 * MINUTE_MS + DECLARED_MS - limit_ms)


def test_a_success_that_it_would_have_ended_is_told_at_once() -> None:
    story = known()
    story.run(ms=limit_of(story) + 1)
    assert story.give()
    assert (story.measured("timeout").right, story.measured("timeout").wrong) == (0, 1)


def test_a_kill_is_judged_by_the_next_success() -> None:
    story = known()
    limit_ms = limit_of(story)
    story.run("timeout", limit_ms, limit_ms=limit_ms)
    story.give()
    assert (story.measured("timeout").applied, story.measured("timeout").right) == (1, 0)
    story.run(ms=MINUTE_MS, limit_ms=limit_ms * 2)
    story.give()
    measured = story.measured("timeout")
    assert (measured.seen, measured.applied, measured.right, measured.wrong) == (2, 2, 1, 0)
    assert measured.saved_ms == DECLARED_MS - limit_ms


def test_a_kill_of_what_only_took_longer_was_wrong() -> None:
    story = known()
    limit_ms = limit_of(story)
    story.run("timeout", limit_ms, limit_ms=limit_ms)
    story.run(ms=limit_ms * 1.5, limit_ms=limit_ms * 2)
    story.give()
    measured = story.measured("timeout")
    assert (measured.right, measured.wrong, measured.saved_ms) == (0, 1, 0)


def test_totals_are_carried_on_and_begin_anew_after_a_month() -> None:
    story = known()
    since = story.stands.at
    story.run("cancellation", DECLARED_MS)
    story.give()
    story.run("cancellation", DECLARED_MS)
    story.give()
    measured = story.measured("timeout")
    assert (measured.seen, measured.right, measured.since) == (2, 2, since)
    story.now += 31 * 86_400
    story.run("cancellation", DECLARED_MS)
    story.give()
    measured = story.measured("timeout")
    assert (measured.seen, measured.right) == (1, 1)
    assert measured.since > since


def test_estimates_are_right_within_a_quarter() -> None:
    story = known()
    for ms in (MINUTE_MS, 1.2 * MINUTE_MS, 1.3 * MINUTE_MS, 0.7 * MINUTE_MS):
        story.run(ms=ms)
    story.run("failure", 1.0)
    story.give()
    measured = story.measured("duration")
    assert (measured.seen, measured.right, measured.wrong) == (4, 2, 2)
    assert measured.error_ms == 0.25 * MINUTE_MS


def test_of_a_flaky_job_it_is_told_whether_trying_again_helped() -> None:
    story = Story()
    for sha in ("a", "b"):
        story.run("failure", sha=sha)
        story.run(sha=sha)
    story.give()
    story.run(retried=1)
    story.run("failure", retried=2)
    story.run("failure")
    story.give()
    measured = story.measured("flaky")
    assert (measured.applied, measured.right, measured.wrong) == (2, 1, 1)


def test_of_a_pool_it_is_told_who_found_a_machine_ready() -> None:
    story = Story()
    story.joins()
    for _ in range(50):
        story.arrives(story.run(after_hours=0.01))
    story.give_hosts()
    for pooled in (True, True, False):
        story.arrives(story.run(after_hours=0.01), pooled=pooled)
    story.now += 86_400
    story.give_hosts()
    measured = story.measured("pool", "own 2cpu-4gb")
    assert (measured.path, measured.right, measured.wrong) == ("host-1", 2, 1)
