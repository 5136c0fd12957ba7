"""The W3C trace context, carried from message to message; exported to OpenTelemetry only where it is configured.

A `traceparent` is 55 characters, so it needs no SDK: processes that export nothing never import one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

HEADER = "traceparent"
_FORM = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})\Z")
_current: ContextVar[str] = ContextVar("traceparent")


def current() -> str:
    """The traceparent of what is being done now; a new trace where nothing is."""
    return _current.get("") or fresh()


def fresh() -> str:
    return f"00-{os.urandom(16).hex()}-{os.urandom(8).hex()}-01"


def child(parent: str) -> str:
    """A new span of the same trace. What is no traceparent begins a new trace: headers come from outside."""
    match = _FORM.match(parent)
    if match is None:
        return fresh()
    return f"00-{match[1]}-{os.urandom(8).hex()}-{match[3]}"


@contextmanager
def continued(headers: Mapping[str, str]) -> Generator[str]:
    """Makes the trace of a message current while it is handled."""
    token = _current.set(child(headers.get(HEADER, "")))
    try:
        yield _current.get()
    finally:
        _current.reset(token)
