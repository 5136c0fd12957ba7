"""Moments in the words that people use: a weekday while it is clear which one is meant, else a date. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

WEEKDAY_DAYS = 6
"""Seven days ago has today's name."""


def day(moment: datetime, now: datetime) -> str:
    """`today`, `yesterday`, `Tuesday`, `3 November`, `3 November 2025`; both in the same zone."""
    days = (now.date() - moment.date()) // timedelta(days=1)
    match days:
        case 0:
            return "today"
        case 1:
            return "yesterday"
        case _ if 1 < days <= WEEKDAY_DAYS:
            return f"{moment:%A}"
        case _:
            return f"{moment.day} {moment:%B}" + ("" if moment.year == now.year else f" {moment.year}")


def since(moment: datetime, now: datetime) -> str:
    return f"since {day(moment, now)}"
