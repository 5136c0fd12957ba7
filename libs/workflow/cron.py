"""A ``schedule`` line and when it is due: five fields of POSIX cron with names and steps, in a time zone.

Own code and no library: the known ones take more than GitHub does (``L``, ``W``, ``#``, seconds, ``@daily``), point at
no place in the text, and differ in what they do where a clock is put forward or back. This module reads no clock.

Source: GitHub's documentation, "Events that trigger workflows" (``schedule``); POSIX, ``crontab``.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import msgspec

shortest_minutes = 5
"""GitHub runs a line no more often: of minutes that are closer together the first is taken."""
_horizon_days = 366 * 8 + 2
"""29 February comes back within eight years (1896 to 1904); what is not due by then (30 February) never is."""


class CronError(ValueError):
    """What is wrong with a line; ``offset`` is the place in it, from 0."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message, self.offset = message, offset


class Cron(msgspec.Struct, frozen=True):
    """What each field allows. A day must suit both of ``days`` and ``weekdays``, but where both are restricted one is
    enough (POSIX). ``wild`` lines have ``*`` in the minutes or the hours: they count elapsed time, not the wall clock.
    ``crowded`` ones asked for minutes that are left out of ``minutes``, as they are too close together.
    """

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    """0 is Sunday."""
    either_day: bool
    wild: bool
    crowded: bool

    def fits(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        suits_day, suits_weekday = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return suits_day or suits_weekday if self.either_day else suits_day and suits_weekday


class _Field(msgspec.Struct, frozen=True):
    name: str
    least: int
    most: int
    names: tuple[str, ...] = ()
    """Of the values from ``least`` on."""


_months = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_weekdays = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_fields = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, _months),
    _Field("day of the week", 0, 6, _weekdays),
)
_part = re.compile(r"(?P<first>\*|[0-9]+|[A-Za-z]+)(?:-(?P<last>[0-9]+|[A-Za-z]+))?(?:/(?P<step>[0-9]+))?\Z")


def parse_cron(text: str) -> Cron:
    """Raises CronError."""
    words = [(found[0], found.start()) for found in re.finditer(r"\S+", text)]
    if len(words) == 1 and text.strip().startswith("@"):
        raise CronError(f"`{text.strip()}` is not supported: write the five fields of cron", words[0][1])
    if len(words) != len(_fields):
        raise CronError(
            f"a schedule has five fields (minute, hour, day of the month, month, day of the week), not {len(words)}", 0
        )
    minutes, hours, days, months, weekdays = (
        _values(field, word, offset) for field, (word, offset) in zip(_fields, words, strict=True)
    )
    kept = _thinned(tuple(sorted(minutes)))
    starred = [word.startswith("*") for word, _ in words]
    return Cron(
        minutes=kept,
        hours=tuple(sorted(hours)),
        days=frozenset(days),
        months=frozenset(months),
        weekdays=frozenset(weekdays),
        either_day=not starred[2] and not starred[4],
        wild=starred[0] or starred[1],
        crowded=len(kept) < len(minutes),
    )


def is_too_frequent(cron: Cron) -> bool:
    """It asks for runs less than five minutes apart, which nobody gets."""
    return cron.crowded


def zone_of(name: str | None) -> tzinfo:
    """An IANA time zone; None is UTC. Raises ValueError for one that is not known."""
    if name is None or name in ("UTC", "Etc/UTC"):
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        if not available_timezones():
            raise ValueError(f"`{name}`: this machine knows no time zones: install its package `tzdata`") from None
        raise ValueError(f"`{name}` is no time zone: write one such as `Europe/Berlin` or `UTC`") from None


def next_after(cron: Cron, zone: tzinfo, after: datetime) -> datetime | None:
    """The first time behind ``after`` at which it is due, in UTC; None where it never is.

    Where the clock is put forward over its time, it is due when the gap ends (once); where the clock is put back and
    its time comes twice, it is due the first time. A ``wild`` line passes over the gap, and is due both times.
    """
    return _next(cron, zone, after, after + timedelta(days=_horizon_days))


def last_until(cron: Cron, zone: tzinfo, since: datetime, until: datetime) -> datetime | None:
    """The last time behind ``since`` and not behind ``until`` at which it is due."""
    found, due = None, _next(cron, zone, since, until)
    while due is not None and due <= until:
        found, due = due, _next(cron, zone, due, until)
    return found


def _next(cron: Cron, zone: tzinfo, after: datetime, until: datetime) -> datetime | None:
    """It may be behind ``until``, by a day or two at most."""
    day = after.astimezone(zone).date() - timedelta(days=1)
    last = min(until.date().toordinal() + 2, date.max.toordinal())
    while day.toordinal() < last:
        if day.month not in cron.months:
            day = _next_month(day)
            continue
        due = _first_of_day(cron, zone, day, after) if cron.fits(day) else None
        if due is not None:
            return due
        day += timedelta(days=1)
    return None


def _next_month(day: date) -> date:
    """Its first day."""
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)


def _values(field: _Field, word: str, offset: int) -> set[int]:
    values: set[int] = set()
    for part in word.split(","):
        values |= _range(field, part, offset)
        offset += len(part) + 1
    return values


def _range(field: _Field, part: str, offset: int) -> set[int]:
    found = _part.match(part)
    if found is None:
        raise CronError(f"`{part}` is no {field.name}: write a number, a range, a list or `*`", offset)
    first, last, step = found["first"], found["last"], found["step"]
    if step is not None and not int(step):
        raise CronError(f"`{part}`: a step must be 1 or more", offset + found.start("step"))
    if first == "*":
        if last is not None:
            raise CronError(f"`{part}`: `*` is no end of a range", offset)
        return set(range(field.least, field.most + 1, int(step or 1)))
    low = _value(field, first, offset)
    if last is not None:
        high = _value(field, last, offset + found.start("last"))
    else:
        high = low if step is None else field.most
    if high < low:
        raise CronError(f"`{part}`: a range goes from the smaller to the greater {field.name}", offset)
    return set(range(low, high + 1, int(step or 1)))


def _value(field: _Field, text: str, offset: int) -> int:
    if text.lower() in field.names:
        return field.names.index(text.lower()) + field.least
    if not text.isascii() or not text.isdigit():
        hint = f", or a name such as `{field.names[0].upper()}`" if field.names else ""
        raise CronError(f"`{text}` is no {field.name}: write a number{hint}", offset)
    if len(text) > 4 or not field.least <= int(text) <= field.most:
        raise CronError(f"{text} is no {field.name}: {field.least} to {field.most} are", offset)
    return int(text)


def _thinned(minutes: tuple[int, ...]) -> tuple[int, ...]:
    """At least five minutes apart, also from the last to the first of the next hour."""
    taken: list[int] = []
    for minute in minutes:
        if not taken or (minute - taken[-1] >= shortest_minutes and taken[0] + 60 - minute >= shortest_minutes):
            taken.append(minute)
    return tuple(taken)


def _first_of_day(cron: Cron, zone: tzinfo, day: date, after: datetime) -> datetime | None:
    """On most days no clock is changed, and a moment is found by counting minutes."""
    begin, noon, end = (
        datetime.combine(on, at, zone).astimezone(UTC)
        for on, at in ((day, time()), (day, time(12)), (day + timedelta(days=1), time()))
    )
    if noon - begin != timedelta(hours=12) or end - noon != timedelta(hours=12):
        return min((moment for moment in _moments(cron, zone, day) if moment > after), default=None)
    least = max(0, (after - begin) // timedelta(minutes=1) + 1)
    for hour in cron.hours:
        if hour * 60 + 59 >= least:
            for minute in cron.minutes:
                if hour * 60 + minute >= least:
                    return begin + timedelta(hours=hour, minutes=minute)
    return None


def _moments(cron: Cron, zone: tzinfo, day: date) -> Iterator[datetime]:
    for hour in cron.hours:
        for minute in cron.minutes:
            yield from _real(datetime.combine(day, time(hour, minute)), zone, wild=cron.wild)


def _real(wall: datetime, zone: tzinfo, *, wild: bool) -> tuple[datetime, ...]:
    """The moments, in UTC, at which a clock in the zone shows this."""
    early = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    late = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    if early == late:
        return (early,)
    if early.astimezone(zone).replace(tzinfo=None) == wall:
        return (early, late) if wild else (early,)
    # In a gap `fold=0` counts by the clock before it, so that `early` is the later one of the two.
    return () if wild else (_end_of_gap(late, early, zone),)


def _end_of_gap(before: datetime, behind: datetime, zone: tzinfo) -> datetime:
    """The first whole second of the new clock, between two moments on either side of it."""
    offset = before.astimezone(zone).utcoffset()
    while behind - before > timedelta(seconds=1):
        middle = (before + (behind - before) / 2).replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            behind = middle
    return behind
