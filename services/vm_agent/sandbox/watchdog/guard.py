"""The watchdog's rules, without its processes and pipes: when to pause, when to kill, what to tell the agent.

Silence of `pause_after_seconds` pauses all, once; a beat after that does not resume anything, for only the agent can
know whether it still owns its jobs. Time is an argument. Only the standard library (see `footprint`).
"""

from __future__ import annotations

import json
from typing import Any

from services.vm_agent.sandbox import footprint
from services.vm_agent.sandbox.footprint import Footprint

RETRY_SECONDS = 1.0
"""What would not stop is tried again; meanwhile the pipe is looked at."""


class Guard:
    """`sandboxes` is what it stands beside; `closed` is the agent's orderly farewell."""

    def __init__(self, pause_after_seconds: float, now: float) -> None:
        self.sandboxes: dict[str, Footprint] = {}
        self.closed = False
        self._pause_after_seconds = pause_after_seconds
        self._last_beat = now
        self._moving: set[str] | None = None
        self._next_try = 0.0

    def take(self, line: bytes, now: float) -> None:
        """One line of the agent. Raises ValueError where it makes no sense."""
        message: dict[str, Any] = json.loads(line)
        self._last_beat = now
        self._moving = None
        if "register" in message:
            registered = footprint.from_json(json.dumps(message["register"]))
            self.sandboxes[registered.id] = registered
        if "unregister" in message:
            self.sandboxes.pop(str(message["unregister"]), None)
        self.closed = self.closed or "close" in message

    def due(self, now: float) -> list[Footprint]:
        """What is to be paused now: all of it when the silence has lasted, later what would not stop."""
        if now < self._last_beat + self._pause_after_seconds or now < self._next_try:
            return []
        if self._moving is None:
            self._moving = set(self.sandboxes)
        return [self.sandboxes[name] for name in sorted(self._moving)]

    def paused(self, names: set[str], now: float) -> None:
        if self._moving is not None:
            self._moving -= names
        self._next_try = now + RETRY_SECONDS

    def silence(self, now: float) -> float:
        return now - self._last_beat

    def patience(self, now: float) -> float | None:
        """Seconds until something may be due; None when only the agent's next word can change anything."""
        if self._moving is not None and not self._moving:
            return None
        return max(self._last_beat + self._pause_after_seconds, self._next_try) - now
