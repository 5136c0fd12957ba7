"""The bus over NATS JetStream, by nats-py and a thin layer of our own."""

from libs.bus.jetstream.bus import JetStreamBus, connect

__all__ = ["JetStreamBus", "connect"]
