"""The bounds of the scheduler's decisions, each with its reason, and what differs between a service and a local run."""

from __future__ import annotations

import msgspec

MAX_TRIES = 3
"""Attempts at a job in a run attempt: one bad sandbox and one bad host are bad luck, a third error is not."""
MAX_REFUSALS = 50
"""Refusals of a job in a run attempt. A full host is asked again after its heartbeat, so this is some minutes."""
MAX_RUN_ATTEMPTS = 51
"""GitHub lets a run be rerun 50 times."""
QUEUE_SECONDS = 24 * 3600.0
"""GitHub ends a job that waited 24 hours for a runner."""
RUN_SECONDS = 35 * 24 * 3600.0
"""GitHub ends a run after 35 days, waiting included."""
CANCEL_SECONDS = 5 * 60.0
"""GitHub gives a job five minutes to stop, unless it has `cancel-timeout-minutes`."""
CANCEL_MARGIN_SECONDS = 30.0
"""For the messages there and back, and for the signals to what did not stop in time."""
START_SECONDS = 10.0
"""From an assignment to the agent's first word: it appends that before it boots anything."""
SILENCE_SECONDS = 30.0
"""Six heartbeats. By then a host that is alive and alone has stopped its sandboxes (20 s without a bus)."""


def cancel_seconds(cancel_timeout_ms: int | None) -> float:
    """After a request to stop, when a host that has not answered is given up."""
    own = CANCEL_SECONDS if cancel_timeout_ms is None else cancel_timeout_ms / 1000
    return own + CANCEL_MARGIN_SECONDS


class Policy(msgspec.Struct, frozen=True):
    """`error_when_unserved`: a job whose labels no host has ends at once. In a local run no other host will come."""

    error_when_unserved: bool = False


SERVICE = Policy()
LOCAL = Policy(error_when_unserved=True)
