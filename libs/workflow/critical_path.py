"""How long a job and all that waits for it will take at least: the order in which a run's jobs are worth starting.

A pure graph with lengths at its nodes. Where the lengths come from, and what is done with the order, is not its matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from graphlib import TopologicalSorter


def critical_path(durations: Mapping[str, float], needs: Mapping[str, tuple[str, ...]]) -> dict[str, float]:
    """Of each job: its own duration and that of the longest chain of those that wait for it, in the durations' unit.

    A job of either mapping is in the answer; one without a duration counts as nothing by itself, and what it is waited
    for still counts. Who starts the job with the largest number first does list scheduling by the critical path
    (Hu 1961; Graham 1966: at most twice the best time on any number of machines). Raises graphlib.CycleError, which is
    a ValueError, where a job waits for itself.
    """
    waited_for = TopologicalSorter[str]()
    for job in durations:
        waited_for.add(job)
    waiting: dict[str, float] = {}
    for job, needed in needs.items():
        waited_for.add(job, *needed)
    for job in reversed(tuple(waited_for.static_order())):
        total = durations.get(job, 0.0) + waiting.get(job, 0.0)
        for needed in needs.get(job, ()):
            waiting[needed] = max(waiting.get(needed, 0.0), total)
        waiting[job] = total
    return waiting
