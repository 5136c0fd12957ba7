"""Outputs on their way into events: small ones stand in the event, large ones in a blob."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from libs.blobs.port import Blobs
from libs.contracts.blobs import INLINE_BYTES, BlobRef

JOB_OUTPUT_BYTES = 1024 * 1024
"""GitHub's bound for the outputs of one job."""


async def stored_outputs(blobs: Blobs, outputs: Mapping[str, str]) -> tuple[dict[str, str], BlobRef | None]:
    """Either the outputs themselves, or none and the blob that holds them as one JSON object."""
    data = msgspec.json.encode(outputs)
    if len(data) <= INLINE_BYTES:
        return dict(outputs), None
    return {}, await blobs.put(data)
