"""A figure: what was measured, the limit that was measured beside it in the same run, and whether the aim is reached.

Nothing here measures; and no figure is written down anywhere but in an aim.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import msgspec

Better = Literal["more", "less"]


class Figure(msgspec.Struct, frozen=True):
    """`limit` is what bounds it, in the same unit. The aim is `aim` itself, or `times_limit` times the limit; a figure
    without either is there to explain another one.
    """

    what: str
    measured: float
    unit: str
    better: Better
    limit: float | None = None
    limit_is: str = ""
    aim: float | None = None
    times_limit: float | None = None

    @property
    def ratio(self) -> float | None:
        return self.measured / self.limit if self.limit else None

    @property
    def target(self) -> float | None:
        if self.times_limit is not None and self.limit is not None:
            return self.times_limit * self.limit
        return self.aim

    @property
    def reached(self) -> bool | None:
        if self.target is None:
            return None
        return self.measured >= self.target if self.better == "more" else self.measured <= self.target


def percentile(samples: Sequence[float], share: float) -> float:
    """The sample that `share` (0 to 1) of the samples are not over. Raises ValueError where there are none."""
    if not samples:
        raise ValueError("no samples, no percentile")
    ordered = sorted(samples)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def median(samples: Sequence[float]) -> float:
    return percentile(samples, 0.5)
