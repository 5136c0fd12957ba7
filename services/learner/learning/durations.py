"""How long a job or a step is expected to take. The order that follows from it is `libs.workflow.critical_path`'s."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

EXPECTED_RUNS = 50
"""Some weeks of most jobs: long enough that one slow runner moves nothing, short enough to follow a job that grows."""


def expected_ms(durations_ms: Sequence[float]) -> float | None:
    """The median of the last 50 successful durations, oldest first; None where there are none.

    Source: reference B 4, "median of last 50". The median and not the mean: one run that nearly hung is half an hour
    of the mean, and nothing of the median.
    """
    return median(durations_ms[-EXPECTED_RUNS:]) if durations_ms else None
