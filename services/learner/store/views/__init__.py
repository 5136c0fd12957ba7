"""What analysts see: readable views over the fact tables, in SQL alone. Times are UTC, durations milliseconds."""

from __future__ import annotations

from services.learner.store.views import failing, graph, jobs, learned, machines, names, rates, runs, statistics, steps

VIEWS = (
    *names.VIEWS,
    *rates.VIEWS,
    *runs.VIEWS,
    *jobs.VIEWS,
    *steps.VIEWS,
    *statistics.VIEWS,
    *failing.VIEWS,
    *machines.VIEWS,
    *learned.VIEWS,
    *graph.VIEWS,
)
"""Views and macros, in the order of creation: each uses those before it alone."""
