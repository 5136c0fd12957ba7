"""What GitHub sent, as it was: `raw.delivery.<guid>`, written by ingress alone."""

from __future__ import annotations

import msgspec

from libs.contracts.blobs import BlobRef
from libs.contracts.ids import DeliveryGuid


class DeliveryReceived(msgspec.Struct, frozen=True, tag="DeliveryReceived"):
    """A verified delivery. `body` is the raw request body, zlib-compressed; a large one is in `body_blob` instead.

    `size` is the body's length in bytes before compression.
    """

    guid: DeliveryGuid
    event: str
    size: int
    body: bytes | None = None
    body_blob: BlobRef | None = None
    hook_id: str = ""


DeliveryEvent = DeliveryReceived
