"""The advice that stands: the last commit on `ev.advice.<repository_id>`, or the hosts', read. Pure.

Whoever shows or follows advice needs no more than `bus.last` of the subject: the commit holds all that stands, and what
became of it.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import msgspec

from libs.bus.port import Stored
from libs.contracts.advice import (
    Advice,
    AdviceEvent,
    AdviceGiven,
    AdviceKind,
    AdviceMeasured,
    CacheAdvice,
    DurationAdvice,
    FlakyAdvice,
    PoolAdvice,
    TimeoutAdvice,
)
from libs.contracts.envelope import decode_commit

_events: msgspec.json.Decoder[AdviceEvent] = msgspec.json.Decoder(AdviceEvent)


class About(NamedTuple):
    """What a piece is of: the same from one commit to the next. Of a pool, `path` is the host and `step` the shape."""

    kind: AdviceKind
    path: str
    job: str
    step: str


class Standing(msgspec.Struct, frozen=True):
    """`seq` is the commit's place and 0 where there is none; `at` when it was stored."""

    seq: int
    at: datetime
    given: AdviceGiven
    measured: dict[About, AdviceMeasured]

    def became(self, piece: Advice) -> AdviceMeasured | None:
        return self.measured.get(about(piece))

    @property
    def pieces(self) -> dict[About, Advice]:
        return {about(piece): piece for piece in self.given.advice}


def about(piece: Advice) -> About:
    match piece:
        case TimeoutAdvice():
            return About("timeout", piece.path, piece.job, "")
        case DurationAdvice():
            return About("duration", piece.path, piece.job, "")
        case FlakyAdvice():
            return About("flaky", piece.path, piece.job, piece.step)
        case CacheAdvice():
            return About("cache", piece.path, piece.job, piece.step)
        case PoolAdvice():
            return About("pool", piece.host, "", f"{piece.trust} {piece.size or 'usual'}")


def standing(stored: Stored | None, now: datetime) -> Standing:
    """What nobody can read stands for nothing, and is replaced: a newer learner has written it, or garbage came."""
    nothing = Standing(stored.seq if stored else 0, now, AdviceGiven(0, ()), {})
    if stored is None:
        return nothing
    try:
        events = [_events.decode(raw) for raw in decode_commit(stored.data).events]
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return nothing
    given = next((event for event in events if isinstance(event, AdviceGiven)), nothing.given)
    told = [event for event in events if isinstance(event, AdviceMeasured)]
    measured = {About(each.kind, each.path, each.job, each.step): each for each in told}
    return Standing(stored.seq, stored.time, given, measured)
