"""How many machines should stand ready: as many as jobs are likely to come in while one that was taken is replaced."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import ceil, sqrt

import msgspec

Z = 1.2816
"""The normal's 90 % quantile: one window in ten has more arrivals than machines."""
POISSON_DISPERSION = 1.0
"""Of arrivals that know nothing of each other. Fewer than that is chance: jobs are never more regular."""
UNKNOWN_DISPERSION = 4.0
"""Measured on a public trace after its hour of the week was taken out: 4.1 an hour, 3.4 in five minutes."""
KNOWN_WINDOWS = 30
"""So many windows, and as many arrivals, before the spread of their counts says anything."""


class PoolSize(msgspec.Struct, frozen=True):
    size: int
    rate_per_hour: float
    dispersion: float
    windows: int


def pool_size(
    arrivals_seconds: Sequence[float], window_seconds: float, horizon_seconds: float, z: float = Z
) -> PoolSize:
    """Of when jobs came, in any order. `window_seconds` is how long a machine takes to be replaced; only the last
    `horizon_seconds` before the newest arrival count.

    a = lambda window, c = ceil(a + z sqrt(D a)); D is the index of dispersion (variance by mean) of the arrivals in
    each window, at least 1. Raises ValueError where the window or the horizon is not over 0.

    Source: reference B 7. Jobs come in bursts (D = 9.6 an hour on a public trace): Erlang's formula, which takes them
    for independent, undersizes.
    """
    if window_seconds <= 0 or horizon_seconds <= 0:
        raise ValueError(f"a window of {window_seconds} s in a horizon of {horizon_seconds} s holds nothing")
    if not arrivals_seconds:
        return PoolSize(0, 0.0, UNKNOWN_DISPERSION, 0)
    last = max(arrivals_seconds)
    windows = max(1, int(horizon_seconds / window_seconds))
    places = (int((last - at_seconds) / window_seconds) for at_seconds in arrivals_seconds)
    counts = Counter(place for place in places if place < windows)
    expected = counts.total() / windows
    dispersion = _dispersion(counts, windows)
    size = ceil(expected + z * sqrt(dispersion * expected))
    return PoolSize(max(size, 0), expected * 3600 / window_seconds, dispersion, windows)


def _dispersion(counts: Counter[int], windows: int) -> float:
    if windows < KNOWN_WINDOWS or counts.total() < KNOWN_WINDOWS:
        return UNKNOWN_DISPERSION
    mean = counts.total() / windows
    squares = sum(count * count for count in counts.values())
    variance = (squares - windows * mean * mean) / (windows - 1)
    return max(POISSON_DISPERSION, variance / mean)
