"""What a browser is told on every answer, and which names of this server are believed.

The pages show text that hostile code wrote and need no permission to read (they are for the machine or the network that
the console listens on): so no page runs a script that is not ours, none can be framed, and a name that somebody else's
DNS points at this address is not answered (DNS rebinding would let a web site read the logs).
"""

from __future__ import annotations

from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.server_names import is_ours

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self';"
    " base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
PAGE_CACHE = "private, no-cache"
STATIC_CACHE = "public, max-age=31536000, immutable"
"""The address of a static file has a hash of its content in it."""
PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
"""They say nothing about anybody's code, and a probe names the machine as it likes."""


@dataclass(frozen=True, slots=True)
class Guarded:
    """The application behind these rules. `names` are this server's names, lower-case."""

    app: ASGIApp
    names: frozenset[str]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        cache = STATIC_CACHE if scope["path"].startswith("/static/") and scope["query_string"] else PAGE_CACHE

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers.setdefault("cache-control", cache)
            await send(message)

        host = Headers(scope=scope).get("host", "")
        if scope["path"] in PROBES or is_ours(host, self.names):
            await self.app(scope, receive, guarded)
        else:
            await PlainTextResponse(WRONG_NAME, 421)(scope, receive, guarded)


WRONG_NAME = (
    "This is a Firebreak console, but not under this name: set FIREBREAK_PUBLIC_URL to the address that people use,"
    " or open it by its IP address.\n"
)
