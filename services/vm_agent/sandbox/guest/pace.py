"""How many frames a second one guest may make the host take: a token bucket that slows a guest down and never ends it.

Bytes are bounded by the window, but a byte a frame costs the host as much as a full one. A guest that is made to wait
finds its command's output in larger pieces, so an honest one loses nothing. It knows no clock: time arrives as data.
"""

from __future__ import annotations

FRAMES_PER_SECOND = 20_000
"""Some 3 us of the host each. A command that writes as fast as it can, a number a write, makes 7,000 of 200,000."""
BURST_FRAMES = 20_000
"""What such a command sends in its first half second is not slowed down."""
FRAMES_A_TURN = 64
"""So many are taken before other guests have their turn: a quarter of a millisecond."""


class Pace:
    def __init__(self, now_seconds: float, per_second: float = FRAMES_PER_SECOND, burst: float = BURST_FRAMES) -> None:
        self._per_second = per_second
        self._burst = burst
        self._left = burst
        self._last_seconds = now_seconds

    def take(self, now_seconds: float, frames: int) -> float:
        """The seconds to wait after so many frames; 0 gives others their turn and goes on."""
        earned = (now_seconds - self._last_seconds) * self._per_second
        self._left = min(self._left + earned, self._burst) - frames
        self._last_seconds = now_seconds
        return max(0.0, -self._left / self._per_second)
