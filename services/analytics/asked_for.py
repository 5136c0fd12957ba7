"""What a request asks for: its statement, in which form, how many rows. What is wrong with it is an HTTPException."""

from __future__ import annotations

import asyncio
import hmac
from typing import get_args

from starlette.exceptions import HTTPException
from starlette.requests import Request

from libs.analytics.question import QUERY_BYTES, Form, Question

ROWS = 100_000
MOST_ROWS = 1_000_000
ANSWER_BYTES = 32 * 1024 * 1024
"""An answer is held until it has been sent, so that what goes wrong in its middle still has a status of its own."""
BODY_SECONDS = 10.0

MEDIA: dict[Form, str] = {
    "json": "application/json",
    "ndjson": "application/x-ndjson",
    "csv": "text/csv; charset=utf-8; header=present",
    "arrow": "application/vnd.apache.arrow.stream",
    "table": "text/plain; charset=utf-8",
}
"""In the order of preference, where a request takes several."""
_CLOSE = {"connection": "close"}
"""What was left unread of the body is not the next request."""


def check_token(request: Request, token: str) -> None:
    """Raises 401 where a token is wanted and not shown."""
    scheme, _, shown = request.headers.get("authorization", "").partition(" ")
    bearer = shown.strip() if scheme.lower() == "bearer" else ""
    if token and not hmac.compare_digest(bearer.encode(), token.encode()):
        what = "send `Authorization: Bearer <token>`; the operator has it (FIREBREAK_ANALYTICS_TOKEN)"
        raise HTTPException(401, what, {"www-authenticate": 'Bearer realm="firebreak analytics"'})


async def question(request: Request, seconds: float) -> Question:
    form = _form(request)
    rows = _rows(request)
    query = request.query_params.get("q", "")
    if request.method == "POST":
        query = await _body(request) or query
    if not query.strip():
        raise HTTPException(400, "no statement: send one as the body of a POST, or as ?q=")
    if len(query.encode()) > QUERY_BYTES:
        raise HTTPException(413, f"the statement is longer than {QUERY_BYTES} bytes")
    return Question(query, form, rows, ANSWER_BYTES, seconds)


def _form(request: Request) -> Form:
    """`?format=`, else the best of `Accept`, else JSON."""
    named = request.query_params.get("format")
    if named is not None:
        if named not in MEDIA:
            raise HTTPException(400, f"format={named[:40]!r}: expected one of {', '.join(MEDIA)}")
        return named
    accepted = _accepted(request.headers.get("accept", "*/*"))
    for wanted in accepted:
        for form, media in MEDIA.items():
            type_ = media.partition(";")[0]
            if wanted in ("*/*", "text/html", type_, type_.partition("/")[0] + "/*"):
                return form
    media = ", ".join(media.partition(";")[0] for media in MEDIA.values())
    raise HTTPException(406, f"Accept: expected one of {media}")


def _accepted(header: str) -> list[str]:
    """Media types, the preferred first (RFC 9110, 12.5.1); those with a weight of 0 are left out."""
    weighed: list[tuple[float, str]] = []
    for part in header.split(",")[:50]:
        type_, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weight = next((piece[2:] for piece in parameters if piece.startswith("q=")), "1")
        try:
            weighed.append((float(weight), type_))
        except ValueError:
            continue
    return [type_ for weight, type_ in sorted(weighed, key=lambda each: -each[0]) if weight > 0]


def _rows(request: Request) -> int:
    value = request.query_params.get("limit", str(ROWS))
    if not (value.isascii() and value.isdecimal() and len(value) < 10 and 1 <= int(value) <= MOST_ROWS):
        raise HTTPException(400, f"limit={value[:20]!r}: expected 1 to {MOST_ROWS}")
    return int(value)


async def _body(request: Request) -> str:
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > QUERY_BYTES:
                    raise HTTPException(413, f"the statement is longer than {QUERY_BYTES} bytes", _CLOSE)
    except TimeoutError:
        raise HTTPException(408, f"the statement did not arrive within {BODY_SECONDS:.0f} s", _CLOSE) from None
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise HTTPException(400, "the statement is not UTF-8") from None


assert set(MEDIA) == set(get_args(Form))
