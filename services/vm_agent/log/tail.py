"""The end of what a step printed after its attempt's log was full: shown when the step fails, else forgotten.

Without it a failing step behind a talkative one would show nothing of its failure.
"""

from __future__ import annotations

from collections import deque

TAIL_LINES = 200
TAIL_CHARACTERS = 64 * 1024
"""Of one step: what a reader wants of a failure is in its last screens, and a hundred such steps are a few MiB."""
LINE_CHARACTERS = 4 * 1024


class Tail:
    def __init__(self) -> None:
        self._lines: deque[str] = deque()
        self._characters = 0
        self.dropped = 0
        """Lines that are in neither the log nor here."""

    @property
    def lines(self) -> list[str]:
        return list(self._lines)

    def add(self, lines: list[str]) -> None:
        self.dropped += max(0, len(lines) - TAIL_LINES)
        for line in lines[-TAIL_LINES:]:
            self._lines.append(line if len(line) <= LINE_CHARACTERS else line[:LINE_CHARACTERS] + "…")
            self._characters += len(self._lines[-1])
        while len(self._lines) > TAIL_LINES or self._characters > TAIL_CHARACTERS:
            self._characters -= len(self._lines.popleft())
            self.dropped += 1
