"""The server's side of a durable consumer: made, or made what it should be. Knows no handler."""

from __future__ import annotations

from libs.bus import policy
from libs.bus.jetstream import api
from libs.bus.jetstream.connection import Connection
from libs.bus.port import Consumer
from libs.bus.streams import is_queue

MOST_UNACKNOWLEDGED = 10_000
"""Of one consumer, in all processes, those put off included; the server hands out no more until some are finished."""


async def ensure(connection: Connection, consumer: Consumer) -> None:
    """Idempotent. Where a consumer begins is decided when it is made, and stays."""
    if consumer.from_now and is_queue(consumer.stream):
        raise ValueError(f"{consumer.name}: a consumer of the work queue {consumer.stream} takes all that is in it")
    address = f"{consumer.stream}.{consumer.name}"
    policy_there = "new" if consumer.from_now else "all"
    try:
        info = await api.call(connection, f"CONSUMER.INFO.{address}", {}, api.ConsumerInfo)
        policy_there = info.config.deliver_policy
    except api.Refused as error:
        if error.code != api.CONSUMER_NOT_FOUND:
            raise
    config: dict[str, api.Json] = {
        "durable_name": consumer.name,
        "name": consumer.name,
        "deliver_policy": policy_there,
        "ack_policy": "explicit",
        "ack_wait": int(consumer.ack_wait_seconds * api.NANOSECONDS),
        "max_deliver": policy.most_deliveries(consumer.attempts),
        "max_ack_pending": MOST_UNACKNOWLEDGED,
        "filter_subjects": list(consumer.filters),
    }
    request: api.Request = {"stream_name": consumer.stream, "action": "", "config": config}
    try:
        await api.call(connection, f"CONSUMER.CREATE.{address}", request, api.Answer)
    except api.Refused as error:
        if error.code in api.OVERLAPS:
            raise ValueError(f"{consumer.name} overlaps another consumer on {consumer.stream}: {error}") from error
        raise
