"""Timers by the server's own scheduled messages: `timer.at.<key>` becomes `timer.due.<key>` when its time comes.

The stream keeps one message a subject, so arming a key again replaces what was armed; a purge of the subject disarms.
"""

from __future__ import annotations

from datetime import UTC, datetime

from libs.bus.jetstream import api, appending
from libs.bus.jetstream.connection import Connection
from libs.contracts.subjects import TIMERS


async def arm(connection: Connection, key: str, at: datetime, data: bytes) -> None:
    """A time that is past fires at once."""
    moment = at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    headers = {"Nats-Schedule": f"@at {moment}", "Nats-Schedule-Target": f"timer.due.{key}"}
    await appending.publish(connection, f"timer.at.{key}", data, headers)


async def disarm(connection: Connection, key: str) -> None:
    await api.call(connection, f"STREAM.PURGE.{TIMERS}", {"filter": f"timer.at.{key}"}, api.Answer)
