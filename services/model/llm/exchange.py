"""The HTTP that the worker lets litellm do: bounded in bytes and time, no redirect, nothing compressed.

What happened is written down here (`Exchange`), because the library does not say it: the same exception stands for
a refused connection, a broken answer and a cut one.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from services.model.llm.wire import RESPONSE_BYTES

if TYPE_CHECKING:
    import httpx


class Exchange:
    """The last request and what came of it. `until` is the moment, of the monotonic clock, at which all is over."""

    def __init__(self) -> None:
        self.until = 0.0
        self.begin()

    def begin(self) -> None:
        self.status: int | None = None
        self.whole = False
        self.overflowed = False
        self.expired = False
        self.encoded = False
        self.left = RESPONSE_BYTES

    def check(self) -> None:
        """Raises TimeoutError, which the client library takes for a broken connection."""
        if time.monotonic() >= self.until:
            self.expired = True
            raise TimeoutError("the deadline is over")


def client(exchange: Exchange, connect_seconds: float) -> httpx.Client:
    """For every request of the process."""
    import httpx

    class Counted(httpx.SyncByteStream):
        def __init__(self, inner: httpx.SyncByteStream) -> None:
            self._inner = inner

        def __iter__(self) -> Iterator[bytes]:
            for chunk in self._inner:
                exchange.check()
                exchange.left -= len(chunk)
                if exchange.left < 0:
                    exchange.overflowed = True
                    raise httpx.ReadError("the response is too large")
                yield chunk
            exchange.whole = True

        def close(self) -> None:
            self._inner.close()

    class Bounded(httpx.BaseTransport):
        def __init__(self) -> None:
            self._inner = httpx.HTTPTransport(retries=0)

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            exchange.begin()
            exchange.check()
            left = exchange.until - time.monotonic()
            limits = {"connect": min(connect_seconds, left), "read": left, "write": left, "pool": left}
            request.extensions = {**request.extensions, "timeout": limits}
            response = self._inner.handle_request(request)
            exchange.status = response.status_code
            if response.headers.get("content-encoding", "identity") != "identity":
                exchange.encoded = True
                response.close()
                raise httpx.ReadError("the response is compressed, which was not asked for")
            assert isinstance(response.stream, httpx.SyncByteStream)
            response.stream = Counted(response.stream)
            return response

        def close(self) -> None:
            self._inner.close()

    return httpx.Client(
        transport=Bounded(), follow_redirects=False, headers={"Accept-Encoding": "identity", "User-Agent": "firebreak"}
    )
