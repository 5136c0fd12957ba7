"""What a bearer token says of its own end, so that it is noticed before it bites. Pure; it verifies nothing: the
server does that. No error here quotes the token.
"""

from __future__ import annotations

import base64
import binascii
import datetime

import msgspec

from services.vm_agent.sandbox.protocol import SandboxError

LEAST_SECONDS = 300.0
"""No machine is asked for with a token that ends sooner: even a short job could not be ended properly with it."""
JOB_SECONDS = 6 * 3600.0
"""The longest that a job may take unless its workflow says otherwise; a token that ends sooner is warned of."""
RENEW = "put a new one into FIRECRACKER_AUTH_TOKEN and start the agent again"


class TokenTrouble(SandboxError):
    """The token cannot be used; the message says why and what to do."""


class _Claims(msgspec.Struct):
    exp: int | float | None = None


def expiry(token: str) -> float | None:
    """Seconds since 1970, None where the token names no end. Raises TokenTrouble where it is no JWT."""
    parts = token.split(".")
    if not token:
        raise TokenTrouble("FIRECRACKER_AUTH_TOKEN is not set: the API takes no request without a token")
    if len(parts) != 3 or not all(33 <= ord(character) < 127 for character in token):
        raise TokenTrouble(f"FIRECRACKER_AUTH_TOKEN is no JWT (three parts with dots between): {RENEW}")
    try:
        body = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        return msgspec.json.decode(body, type=_Claims).exp
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        raise TokenTrouble(f"the claims of FIRECRACKER_AUTH_TOKEN cannot be read: {RENEW}") from None


def check(token: str, now: float) -> None:
    """Raises TokenTrouble where it has ended, or will before the shortest job could."""
    end = expiry(token)
    if end is None or end - now >= LEAST_SECONDS:
        return
    verb = "ended" if end <= now else "ends within minutes,"
    raise TokenTrouble(f"FIRECRACKER_AUTH_TOKEN {verb} at {_date(end)}: {RENEW}")


def warning(token: str, now: float) -> str:
    """What to say of a token that ends before the longest job would; "" where there is nothing to say."""
    end = expiry(token)
    if end is None or end - now >= JOB_SECONDS:
        return ""
    return f"the token ends at {_date(end)}, sooner than a job of six hours would: {RENEW} before then"


def _date(seconds: float) -> str:
    try:
        return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, ValueError, OSError):
        return "a date that is none"
