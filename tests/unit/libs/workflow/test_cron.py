"""Lines of `schedule` against a calendar: which moments they mean, also where clocks are put forward and back."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.workflow.cron import CronError, is_too_frequent, last_until, next_after, parse_cron, zone_of

NEW_YORK = "America/New_York"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def following(line: str, after: str, count: int, zone: str | None = None) -> list[str]:
    """The next times, in UTC."""
    cron, place, moment, found = parse_cron(line), zone_of(zone), at(after), list[str]()
    for _ in range(count):
        due = next_after(cron, place, moment)
        if due is None:
            break
        found.append(due.strftime("%Y-%m-%d %H:%M"))
        moment = due
    return found


@pytest.mark.parametrize(
    ("line", "after", "expected"),
    [
        ("30 5,17 * * *", "2026-11-24 06:00", ["2026-11-24 17:30", "2026-11-25 05:30"]),
        ("0 0 * * *", "2026-11-24 00:00", ["2026-11-25 00:00"]),
        ("*/15 * * * *", "2026-11-24 23:50", ["2026-11-25 00:00", "2026-11-25 00:15"]),
        ("20/15 * * * *", "2026-11-24 10:00", ["2026-11-24 10:20", "2026-11-24 10:35", "2026-11-24 10:50"]),
        ("0 4-6 * * *", "2026-11-24 04:30", ["2026-11-24 05:00", "2026-11-24 06:00", "2026-11-25 04:00"]),
        ("0 0-23/6 * * *", "2026-11-24 07:00", ["2026-11-24 12:00"]),
        ("0 9 * * 1-5", "2026-11-27 10:00", ["2026-11-30 09:00"]),
        ("0 9 * * MON-FRI", "2026-11-27 10:00", ["2026-11-30 09:00"]),
        ("0 9 * * sun", "2026-11-24 10:00", ["2026-11-29 09:00"]),
        ("0 9 * JAN *", "2026-11-24 10:00", ["2027-01-01 09:00", "2027-01-02 09:00"]),
        ("0 0 1 * *", "2026-11-24 10:00", ["2026-12-01 00:00", "2027-01-01 00:00"]),
        ("0 0 31 * *", "2026-11-24 10:00", ["2026-12-31 00:00", "2027-01-31 00:00", "2027-03-31 00:00"]),
        ("0 0 29 2 *", "2026-11-24 10:00", ["2028-02-29 00:00", "2032-02-29 00:00"]),
        ("0 0 29 2 *", "2097-01-01 00:00", ["2104-02-29 00:00"]),
        ("0 0 30 2 *", "2026-11-24 10:00", []),
        # Both days restricted: one is enough. One of them free: the other decides.
        ("0 0 13 * 5", "2026-11-10 00:00", ["2026-11-13 00:00", "2026-11-20 00:00"]),
        ("0 0 1 * 5", "2026-11-24 00:00", ["2026-11-27 00:00", "2026-12-01 00:00"]),
        ("0 0 */2 * 5", "2026-11-24 00:00", ["2026-11-27 00:00", "2026-12-11 00:00"]),
        # No more often than every five minutes.
        ("* * * * *", "2026-11-24 10:01", ["2026-11-24 10:05", "2026-11-24 10:10"]),
        ("*/2 * * * *", "2026-11-24 10:01", ["2026-11-24 10:06", "2026-11-24 10:12"]),
        ("1,58 * * * *", "2026-11-24 10:02", ["2026-11-24 11:01"]),
    ],
)
def test_when_it_is_due(line: str, after: str, expected: list[str]) -> None:
    assert following(line, after, max(len(expected), 1)) == expected


@pytest.mark.parametrize(
    ("line", "zone", "after", "expected"),
    [
        ("0 9 * * *", "Europe/Berlin", "2026-07-01 00:00", ["2026-07-01 07:00"]),
        ("0 9 * * *", "Europe/Berlin", "2026-12-01 00:00", ["2026-12-01 08:00"]),
        ("0 9 * * 1", "Asia/Tokyo", "2026-11-24 00:00", ["2026-11-30 00:00"]),
        ("30 5 * * *", "Asia/Kolkata", "2026-11-24 01:00", ["2026-11-25 00:00"]),
        # 8 March 2026, New York: 02:00 to 03:00 does not exist. A fixed time is due at its end, once.
        ("30 2 * * *", NEW_YORK, "2026-03-07 12:00", ["2026-03-08 07:00", "2026-03-09 06:30"]),
        ("0,30 2 * * *", NEW_YORK, "2026-03-07 12:00", ["2026-03-08 07:00", "2026-03-09 06:00"]),
        ("*/30 * * * *", NEW_YORK, "2026-03-08 06:20", ["2026-03-08 06:30", "2026-03-08 07:00", "2026-03-08 07:30"]),
        # 1 November 2026, New York: 01:00 to 02:00 comes twice. A fixed time is due the first time.
        ("30 1 * * *", NEW_YORK, "2026-10-31 12:00", ["2026-11-01 05:30", "2026-11-02 06:30"]),
        ("0 * * * *", NEW_YORK, "2026-11-01 04:30", ["2026-11-01 05:00", "2026-11-01 06:00", "2026-11-01 07:00"]),
        # Samoa left out 30 December 2011.
        ("0 12 30 12 *", "Pacific/Apia", "2011-12-29 00:00", ["2011-12-30 10:00"]),
        ("30 2 * * *", "Australia/Lord_Howe", "2026-10-03 00:00", ["2026-10-03 15:30", "2026-10-04 15:30"]),
    ],
)
def test_in_a_time_zone(line: str, zone: str, after: str, expected: list[str]) -> None:
    assert following(line, after, len(expected), zone) == expected


@pytest.mark.parametrize(
    ("line", "offset", "why"),
    [
        ("", 0, "five fields"),
        ("0 0 * *", 0, "not 4"),
        ("0 0 * * * *", 0, "not 6"),
        ("@daily", 0, "`@daily` is not supported"),
        ("60 * * * *", 0, "60 is no minute: 0 to 59 are"),
        ("0 24 * * *", 2, "24 is no hour"),
        ("0 0 0 * *", 4, "0 is no day of the month"),
        ("0 0 * 13 *", 6, "13 is no month"),
        ("0 0 * * 7", 8, "7 is no day of the week: 0 to 6 are"),
        ("0 0 L * *", 4, "`L` is no day of the month"),
        ("0 0 15W * *", 4, "`15W` is no day of the month"),
        ("0 0 ? * *", 4, "`?` is no day of the month"),
        ("0 0 * * 5#3", 8, "`5#3` is no day of the week"),
        ("0 0 * FOO *", 6, "`FOO` is no month: write a number, or a name such as `JAN`"),
        ("0 0 MON * *", 4, "`MON` is no day of the month"),
        ("30-10 * * * *", 0, "from the smaller to the greater"),
        ("0,5,99 * * * *", 4, "99 is no minute"),
        ("*/0 * * * *", 2, "a step must be 1 or more"),
        ("*-5 * * * *", 0, "no end of a range"),
        ("1,,2 * * * *", 2, "`` is no minute"),
        ("-5 * * * *", 0, "`-5` is no minute"),
        ("1.5 * * * *", 0, "`1.5` is no minute"),
        ("\u0661 * * * *", 0, "is no minute"),
    ],
)
def test_what_is_no_line_says_why_and_where(line: str, offset: int, why: str) -> None:
    with pytest.raises(CronError) as raised:
        parse_cron(line)
    assert raised.value.offset == offset
    assert why in raised.value.message


def test_what_nobody_gets_is_told() -> None:
    assert is_too_frequent(parse_cron("*/4 * * * *"))
    assert not is_too_frequent(parse_cron("*/5 * * * *"))


@pytest.mark.parametrize("name", ["Nowhere/City", "", "../../etc/passwd", "/etc/passwd", "Europe", "a\0b", "x" * 5000])
def test_an_unknown_zone_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is no time zone"):
        zone_of(name)


def test_the_last_that_was_missed() -> None:
    cron, zone = parse_cron("*/10 * * * *"), zone_of(None)
    assert last_until(cron, zone, at("2026-11-24 10:00"), at("2026-11-24 10:35")) == at("2026-11-24 10:30")
    assert last_until(cron, zone, at("2026-11-24 10:00"), at("2026-11-24 10:10")) == at("2026-11-24 10:10")
    assert last_until(cron, zone, at("2026-11-24 10:10"), at("2026-11-24 10:19")) is None


_lines = st.tuples(
    st.sampled_from(["0", "30", "*/7", "5-50/9"]),
    st.sampled_from(["*", "2", "1-3", "23"]),
    st.sampled_from(["*", "1", "31", "*/5"]),
    st.sampled_from(["*", "3", "NOV,MAR"]),
    st.sampled_from(["*", "0", "MON-FRI"]),
).map(" ".join)


@given(
    _lines,
    st.sampled_from(["UTC", NEW_YORK, "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca"]),
    st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC)),
)
def test_the_next_is_behind_and_none_is_left_out(line: str, name: str, after: datetime) -> None:
    cron, zone = parse_cron(line), zone_of(name)
    due = next_after(cron, zone, after)
    assert due is not None
    assert due > after
    middle = after + (due - after) / 2
    assert next_after(cron, zone, middle) == due
