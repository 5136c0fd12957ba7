"""What the log knows of a failure, in one sentence: how often it was seen, where, and what mended it. Pure."""

from __future__ import annotations

from datetime import datetime

from libs.contracts.recognition import FailureRecognized
from libs.views.dates import day, since
from libs.views.listing import counted, listed
from libs.views.words import Quote

SHOWN_REPOSITORIES = 3
"""More names make no sentence; the others are counted."""
SHA_CHARACTERS = 12


def seen_before(seen: FailureRecognized, now: datetime, quote: Quote) -> str:
    """`seen before in 12 runs since Tuesday, in a/b and 2 others; last time it went away with commit abc123`. Empty
    where nothing is known.
    """
    parts = [_seen(seen, now, quote), _broke(seen, quote), _mended(seen, now, quote)]
    return "; ".join(part for part in parts if part)


def _seen(seen: FailureRecognized, now: datetime, quote: Quote) -> str:
    if not seen.runs:
        return ""
    when = f" {since(seen.since, now)}" if seen.since is not None else ""
    return f"seen before in {counted(seen.runs, 'run')}{when}{_where(seen, quote)}"


def _where(seen: FailureRecognized, quote: Quote) -> str:
    """Where it is this repository alone, nothing need be said."""
    if len(seen.repositories) + seen.others < 2:
        return ""
    named = [quote(name) for name in seen.repositories[:SHOWN_REPOSITORIES]]
    unnamed = len(seen.repositories) - len(named) + seen.others
    return f", in {listed([*named, *([counted(unnamed, 'other')] if unnamed else [])])}"


def _broke(seen: FailureRecognized, quote: Quote) -> str:
    return f"it began with commit {quote(seen.broke_sha[:SHA_CHARACTERS])}" if seen.broke_sha else ""


def _mended(seen: FailureRecognized, now: datetime, quote: Quote) -> str:
    if not seen.mended_sha:
        return ""
    when = f" ({day(seen.mended_at, now)})" if seen.mended_at is not None else ""
    return f"last time it went away with commit {quote(seen.mended_sha[:SHA_CHARACTERS])}{when}"
