"""When a day is over, which day a message is of, and when its time runs out."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

from libs.bus.port import Stored
from services.learner.archive.day import Digest, day_of, in_danger, is_closed, microseconds

DAY = date(2026, 11, 24)
MIDNIGHT = datetime(2026, 11, 25, tzinfo=UTC)


def stored(time: datetime, data: bytes = b"x", seq: int = 1) -> Stored:
    return Stored(seq, "ev.x", data, time, {})


def test_a_day_is_over_ten_minutes_after_midnight() -> None:
    assert not is_closed(DAY, MIDNIGHT + timedelta(minutes=10, microseconds=-1))
    assert is_closed(DAY, MIDNIGHT + timedelta(minutes=10))


def test_days_are_of_utc() -> None:
    assert day_of(stored(datetime(2026, 11, 25, 1, tzinfo=timezone(timedelta(hours=2)))), date.min) == DAY


def test_a_message_of_a_day_that_is_over_is_of_the_next() -> None:
    assert day_of(stored(MIDNIGHT - timedelta(hours=1)), date(2026, 11, 25)) == date(2026, 11, 25)


def test_two_weeks_before_the_stream_drops_a_message_it_is_in_danger() -> None:
    assert not in_danger(MIDNIGHT, MIDNIGHT + timedelta(days=75), 90)
    assert in_danger(MIDNIGHT, MIDNIGHT + timedelta(days=76), 90)


def test_a_time_is_kept_to_the_microsecond() -> None:
    assert microseconds(datetime(1970, 1, 1, 0, 0, 1, 7, tzinfo=UTC)) == 1_000_007


def test_a_digest_tells_where_one_text_ends() -> None:
    def digest(*messages: Stored) -> str:
        made = Digest()
        for message in messages:
            made.add(message, "")
        return made.hex()

    one = digest(stored(MIDNIGHT, b"ab"), stored(MIDNIGHT, b"c", 2))
    assert one == digest(stored(MIDNIGHT, b"ab"), stored(MIDNIGHT, b"c", 2))
    assert one != digest(stored(MIDNIGHT, b"a"), stored(MIDNIGHT, b"bc", 2))
    assert one != digest(stored(MIDNIGHT, b"ab"), stored(MIDNIGHT, b"c", 3))
