"""Makes streams and buckets what the specs say; any process may, at any time, and the same twice changes nothing."""

from __future__ import annotations

import asyncio

from libs.bus.jetstream import api
from libs.bus.jetstream.connection import RETRY_PAUSE_SECONDS, Connection
from libs.bus.streams import MIB, BucketSpec, StreamSpec
from libs.telemetry import log

PROVISION_SECONDS = 15.0
"""A server that has just started first reads its store; each stream is asked for until it answers."""


async def provision(
    connection: Connection, streams: tuple[StreamSpec, ...], buckets: tuple[BucketSpec, ...], replicas: int
) -> None:
    """Raises BusDown. A change that JetStream cannot make to a stream that exists is raised with its words."""
    for spec in streams:
        await _make(connection, spec.name, stream_config(spec, replicas))
    for bucket in buckets:
        await _make(connection, f"KV_{bucket.name}", bucket_config(bucket, replicas))


async def _make(connection: Connection, name: str, config: dict[str, api.Json]) -> None:
    async with asyncio.timeout(PROVISION_SECONDS):
        while True:
            try:
                return await _create_or_update(connection, name, config)
            except api.Refused as error:
                if error.code not in api.UNAVAILABLE:
                    raise
            await asyncio.sleep(RETRY_PAUSE_SECONDS)


async def _create_or_update(connection: Connection, name: str, config: dict[str, api.Json]) -> None:
    try:
        await api.call(connection, f"STREAM.CREATE.{name}", config, api.Answer)
    except api.Refused as error:
        if error.code != api.STREAM_NAME_IN_USE:
            raise
        await api.call(connection, f"STREAM.UPDATE.{name}", config, api.Answer)
        log.get("bus").info("stream changed to its new settings", stream=name)


def stream_config(spec: StreamSpec, replicas: int = 1) -> dict[str, api.Json]:
    """JetStream's own words. `async` is refused for replicated streams, which are flushed by others anyway."""
    config: dict[str, api.Json] = {
        "name": spec.name,
        "subjects": list(spec.subjects),
        "retention": "workqueue" if spec.queue else "limits",
        "storage": spec.storage,
        "max_age": int(spec.max_age_seconds * api.NANOSECONDS),
        "max_bytes": spec.max_mib * MIB or -1,
        "max_msgs_per_subject": spec.max_per_subject or -1,
        "max_msg_size": -1 if spec.discard_old else spec.max_message_bytes + HEADER_BYTES,
        "discard": "old" if spec.discard_old or spec.schedules else "new",
        "duplicate_window": int(spec.duplicate_window_seconds * api.NANOSECONDS),
        "allow_direct": True,
        "num_replicas": replicas,
    }
    if spec.schedules:
        config |= {"allow_msg_schedules": True, "allow_msg_ttl": True, "allow_rollup_hdrs": True}
    if spec.asynchronous and replicas == 1:
        config["persist_mode"] = "async"
    return config


def bucket_config(spec: BucketSpec, replicas: int = 1) -> dict[str, api.Json]:
    """A NATS key-value bucket as every NATS client makes it, with times to live a value."""
    return {
        "name": f"KV_{spec.name}",
        "subjects": [f"$KV.{spec.name}.>"],
        "storage": spec.storage,
        "max_msgs_per_subject": 1,
        "max_msg_size": spec.max_value_bytes + HEADER_BYTES,
        "discard": "new",
        "allow_direct": True,
        "allow_rollup_hdrs": True,
        "allow_msg_ttl": True,
        "deny_delete": True,
        "num_replicas": replicas,
    }


HEADER_BYTES = 16 * 1024
"""Room for the headers: the server counts them into a message's size, we do not."""
