"""A circuit breaker: a model that fails again and again is left alone for a while, then tried once. Pure.

Architecture invariant: no clock; `now` is seconds of any monotonic clock.
"""

from __future__ import annotations

from msgspec import Struct

FAILURES = 3
"""In a row: one is a hiccup, and each costs its whole deadline."""
PAUSE_SECONDS = 60.0
"""A restarted Ollama has its model loaded by then."""


class Circuit(Struct, frozen=True):
    """`until` is when it may be tried again; `trying` that somebody does so just now."""

    failures: int = 0
    until: float = 0.0
    trying: bool = False

    @property
    def open(self) -> bool:
        return self.failures >= FAILURES


def ask(circuit: Circuit, now: float) -> Circuit | None:
    """The circuit while a question is under way; None where none may be asked."""
    if not circuit.open:
        return circuit
    if circuit.trying or now < circuit.until:
        return None
    return Circuit(circuit.failures, circuit.until, trying=True)


def answered(circuit: Circuit) -> Circuit:
    """It works, whatever it said."""
    return Circuit()


def failed(circuit: Circuit, now: float) -> Circuit:
    """It did not work: down, silent, or flooding."""
    return Circuit(min(circuit.failures + 1, FAILURES), now + PAUSE_SECONDS)


def given_up(circuit: Circuit) -> Circuit:
    """Whoever asked was stopped: nothing is known of it."""
    return Circuit(circuit.failures, circuit.until)
