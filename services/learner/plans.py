"""A run's plan that is too large for its event stands in a blob: read where folding asks for it."""

from __future__ import annotations

from libs.blobs.port import BlobMissing, Blobs
from libs.bus.port import Stored
from services.learner.folding.fold import Folded, fold

PLAN_MISSING = "RunPlanned (plan's blob is missing)"


async def fold_with_plan(message: Stored, blobs: Blobs) -> Folded:
    """The facts of a message, its plan's too. One that is gone is skipped, and counted."""
    folded = fold(message)
    if folded.plan is None:
        return folded
    try:
        return fold(message, await blobs.get(folded.plan))
    except BlobMissing:
        return Folded(folded.facts, (*folded.skipped, PLAN_MISSING))
