"""A trace: one job's ending after the other. Where they come from, and what is asked of them, is not known here."""

from __future__ import annotations

from typing import Literal

import msgspec

Ended = Literal["success", "failure", "hang"]
DEFAULT_LIMIT_MS = 360 * 60_000.0
"""GitHub's, of a job that declares none."""


class Ending(msgspec.Struct, frozen=True, gc=False):
    """One attempt at a job. `key` is which job of which workflow; `duration_ms` of a hang is until its declared limit:
    it would have gone on.
    """

    start_seconds: float
    key: int
    sha: str
    ended: Ended
    duration_ms: float
    declared_ms: float = DEFAULT_LIMIT_MS
    retried: bool = False

    @property
    def end_seconds(self) -> float:
        return self.start_seconds + self.duration_ms / 1000
