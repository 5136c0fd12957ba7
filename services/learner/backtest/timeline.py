"""Starts and ends of a trace in the order of time: who asks at a start knows the ends before it, and no other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import heappop, heappush
from typing import Literal

from services.learner.backtest.trace import Ending

Moment = tuple[Literal["start", "end"], Ending]


def timeline(endings: Sequence[Ending]) -> Iterator[Moment]:
    """`endings` by their start. What ends as another one starts has ended."""
    running: list[tuple[float, int]] = []
    for place, ending in enumerate(endings):
        while running and running[0][0] <= ending.start_seconds:
            yield "end", endings[heappop(running)[1]]
        yield "start", ending
        heappush(running, (ending.end_seconds, place))
    while running:
        yield "end", endings[heappop(running)[1]]
