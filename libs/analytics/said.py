"""What an answering process says, and the time that it has: text in pieces on a pipe, a clock that ends it all."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Generator
from typing import TYPE_CHECKING, BinaryIO

from libs.analytics.question import PIECE_BYTES, Begun, Part, part_message

if TYPE_CHECKING:
    import duckdb

GRACE_SECONDS = 1.0
"""DuckDB heeds an interrupt within a tenth of a second, where it does at all."""


class Clock:
    """A question's time. At its end DuckDB is interrupted; where it does not heed that, the kernel ends this process.

    It stands still while the answer waits for whoever reads it: a person's pager is not the question's fault.
    """

    def __init__(self, cursor: duckdb.DuckDBPyConnection, seconds: float) -> None:
        self._cursor, self._left = cursor, seconds

    def __enter__(self) -> None:
        self._since = time.monotonic()
        self._timer = threading.Timer(max(0.0, self._left), self._cursor.interrupt)
        self._timer.daemon = True
        self._timer.start()
        signal.setitimer(signal.ITIMER_REAL, max(0.0, self._left) + GRACE_SECONDS)

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        self._timer.cancel()
        self._left -= time.monotonic() - self._since

    @contextlib.contextmanager
    def stopped(self) -> Generator[None]:
        self.__exit__()
        try:
            yield
        finally:
            self.__enter__()


class Text:
    """What a writer writes, told in pieces behind `begun`; `size` is how much it was."""

    def __init__(self, out: BinaryIO, clock: Clock, begun: Begun) -> None:
        self._out, self._clock, self._begun = out, clock, begun
        self._piece, self.size, self._first = bytearray(), 0, True

    def write(self, text: str | bytes, /) -> int:
        data = text.encode("utf-8", "replace") if isinstance(text, str) else bytes(text)
        self.size += len(data)
        self._piece += data
        while len(self._piece) >= PIECE_BYTES:
            self._send(PIECE_BYTES)
        return len(data)

    def flush(self) -> None:
        self._send(len(self._piece))

    def _send(self, size: int) -> None:
        with self._clock.stopped():
            if self._first:
                say(self._out, self._begun)
                self._first = False
            say(self._out, bytes(self._piece[:size]))
        del self._piece[:size]


def say(out: BinaryIO, part: Part) -> None:
    out.write(part_message(part))
    out.flush()
