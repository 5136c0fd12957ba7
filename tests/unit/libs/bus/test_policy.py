from __future__ import annotations

from libs.bus import policy
from libs.bus.policy import Again, Dead, Done, Later
from libs.bus.port import BusDown, Poison, Retry


def test_a_handling_without_an_error_is_done() -> None:
    assert policy.after(None, 1, 5) == Done()


def test_failures_pause_longer_each_time_and_then_it_is_dead() -> None:
    error = RuntimeError("broken")
    outcomes = [policy.after(error, attempt, 7) for attempt in range(1, 8)]
    pauses = [outcome.pause_seconds for outcome in outcomes if isinstance(outcome, Again)]
    assert pauses == [0.2, 1.0, 5.0, 15.0, 60.0, 60.0]
    assert outcomes[-1] == Dead("failed 7 times, at last: RuntimeError: broken")


def test_poison_is_dead_at_once() -> None:
    assert policy.after(Poison("no such thing"), 1, 5) == Dead("Poison: no such thing")


def test_not_now_is_later_however_often_it_was_handed_out() -> None:
    assert policy.after(Retry("full", 3), 5, 5) == Later(3)
    assert policy.after(Retry("full", -3), 1, 5) == Later(0)
    assert policy.after(Retry("full", 1e9), 1, 5) == Later(policy.LONGEST_RETRY_SECONDS)
    assert policy.after(BusDown("away"), 5, 5) == Later(policy.BUS_PAUSE_SECONDS)


def test_a_message_that_never_ends_a_handling_is_dead_before_the_server_gives_up() -> None:
    last = 5 + policy.UNFINISHED_HANDLINGS
    assert policy.before(last, 5) is None
    assert policy.before(last + 1, 5) == Dead(f"handed out {last + 1} times and never finished")
    assert last + 1 < policy.most_deliveries(5)


def test_a_reason_is_one_short_printable_line() -> None:
    text = policy.reason(ValueError("first\r\nNats-Expected: 0\x00\x1b[31m é" + "x" * 1000))
    assert text.startswith("ValueError: first Nats-Expected: 0")
    assert text.isascii()
    assert text.isprintable()
    assert len(text) == policy.REASON_CHARACTERS
