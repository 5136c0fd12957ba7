"""uvicorn's HTTP/1.1 with a deadline for the head of a request, which uvicorn does not have.

Without it, as many silent connections as the server takes at once shut out everybody else, for as long as they like.
It knows nothing of bodies: whoever reads one bounds it.
"""

from __future__ import annotations

import asyncio
from typing import cast

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle


class HeadInTime(H11Protocol):
    """Closes a connection whose request's head does not arrive within `head_seconds`."""

    head_seconds: float
    head_deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        super().connection_lost(exc)

    def _watch(self) -> None:
        """The deadline runs from the head's first byte, or from the connection; more bytes do not move it."""
        if not self._awaits_head():
            self._forget()
        elif self.head_deadline is None:
            self.head_deadline = self.loop.call_later(self.head_seconds, self._end)

    def _awaits_head(self) -> bool:
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return cycle is None or (cycle.response_complete and bool(self.conn.trailing_data[0]))

    def _forget(self) -> None:
        if self.head_deadline is not None:
            self.head_deadline.cancel()
            self.head_deadline = None

    def _end(self) -> None:
        self.head_deadline = None
        if self._awaits_head():
            self.transport.close()
