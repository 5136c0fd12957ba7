"""What the agent needs of the outside beyond the bus and the blobs: sources, and somebody who keeps what happened."""

from __future__ import annotations

from typing import Protocol

from libs.contracts.attempt import StepFinished, StepStarted
from libs.sources import Source, SourceError, SourceMissing, SourceRefused, Sources, Wanted

__all__ = ["Record", "Source", "SourceError", "SourceMissing", "SourceRefused", "Sources", "Wanted"]


class Record(Protocol):
    """Keeps what a job does. A step's first process starts after its StepStarted is stored, never before."""

    async def started(self, event: StepStarted) -> None:
        """Returns when it is stored, with everything that came before it."""
        ...

    def finished(self, event: StepFinished) -> None:
        """Takes it; it is stored with the next StepStarted or with the attempt's end."""
        ...
