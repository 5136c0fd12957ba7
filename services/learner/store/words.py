"""Which outcomes count for what, as SQL lists: shared by views and by what is derived."""

from __future__ import annotations

DECIDED = "('success', 'failure', 'timeout')"
"""What the code decided: a rate is over these."""
RED = "('failure', 'timeout')"
TIMED = "('success', 'failure')"
"""Whose duration was measured, and not cut off."""
NOW_SECONDS = 86_400
TREND_SECONDS = 14 * 86_400
"""The half-lives of `services.learner.learning.rates`, which a test compares."""
