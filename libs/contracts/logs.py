"""A batch of masked log lines on `log.<host_id>.<run_id>.<job>.<n>`; what an attempt printed, while it prints it."""

from __future__ import annotations

import msgspec


class LogChunk(msgspec.Struct, frozen=True):
    """`first` is the number of its first line within the attempt, from 0: a reader resumes by it, in the stream and in
    the blob alike. `times_ms` are since the attempt's start, one a line. A chunk belongs to one step; step -1 is
    Firebreak's own words.
    """

    first: int
    step: int
    lines: tuple[str, ...]
    times_ms: tuple[int, ...]
    end: bool = False
    """No chunk follows: the attempt's log is complete."""
