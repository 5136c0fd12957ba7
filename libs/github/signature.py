"""Who sent these bytes: GitHub's `X-Hub-Signature-256`, an HMAC over the raw body.

Only SHA-256 counts; the older `X-Hub-Signature` (SHA-1) is not looked at. Knows nothing of HTTP.
"""

from __future__ import annotations

import hmac

PREFIX = "sha256="


def sign(secret: bytes, body: bytes) -> str:
    """The header's value, as GitHub would send it."""
    return PREFIX + hmac.digest(secret, body, "sha256").hex()


def verify(secret: bytes, body: bytes, header: str) -> bool:
    """Whether the header is this body's signature, compared in constant time. An empty secret verifies nothing."""
    if not secret:
        return False
    return hmac.compare_digest(sign(secret, body).encode(), header.encode("utf-8", "surrogateescape"))
