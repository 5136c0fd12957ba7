"""JetStream's JSON API: requests as plain mappings, answers as structs of what we read. Error codes by their names."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from libs.bus.jetstream.connection import REQUEST_SECONDS, Connection
from libs.bus.port import BusDown, Extent

WRONG_LAST_SEQUENCE = 10071
WRONG_LAST_SEQUENCE_IN_FLIGHT = 10164
STREAM_NAME_IN_USE = 10058
STREAM_NOT_FOUND = 10059
CONSUMER_NOT_FOUND = 10014
MESSAGE_TOO_LARGE = 10054
OVERLAPS = frozenset({10099, 10100})
"""A second consumer of a work queue wants a subject that the first one wants."""
UNAVAILABLE = frozenset({10008, 10009, 10074, 10118})
"""The server is starting, has no leader or moves the stream: asked again within the deadline."""
NANOSECONDS = 1_000_000_000

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
Request = Mapping[str, Json]


class ApiError(msgspec.Struct, frozen=True):
    code: int = 0
    err_code: int = 0
    description: str = ""


class Refused(BusDown):
    """JetStream said no, with its own words; `code` is its error code."""

    def __init__(self, what: str, error: ApiError) -> None:
        super().__init__(f"{what}: {error.description} ({error.err_code})")
        self.code = error.err_code


class Answer(msgspec.Struct, frozen=True):
    error: ApiError | None = None


class PubAck(msgspec.Struct, frozen=True):
    stream: str = ""
    seq: int = 0
    duplicate: bool = False
    error: ApiError | None = None


class StreamState(msgspec.Struct, frozen=True):
    messages: int = 0
    bytes: int = 0
    first_seq: int = 0
    last_seq: int = 0


class StreamInfo(msgspec.Struct, frozen=True):
    state: StreamState = StreamState()
    created: datetime | None = None
    error: ApiError | None = None


class ConsumerConfig(msgspec.Struct, frozen=True):
    deliver_policy: str = "all"


class ConsumerInfo(msgspec.Struct, frozen=True):
    config: ConsumerConfig = ConsumerConfig()
    num_pending: int = 0
    num_ack_pending: int = 0
    error: ApiError | None = None


Answered = TypeVar("Answered", Answer, StreamInfo, ConsumerInfo)


async def call(
    connection: Connection,
    name: str,
    request: Request,
    kind: type[Answered],
    timeout_seconds: float = REQUEST_SECONDS,
) -> Answered:
    """`$JS.API.<name>`. Raises Refused for an error answer, BusDown without one."""
    message = await connection.request(f"$JS.API.{name}", msgspec.json.encode(request), None, timeout_seconds)
    answer = msgspec.json.decode(message.data, type=kind)
    if answer.error is not None:
        raise Refused(name, answer.error)
    return answer


async def extent(connection: Connection, stream: str) -> Extent:
    info = await call(connection, f"STREAM.INFO.{stream}", {}, StreamInfo)
    created = info.created or datetime.fromtimestamp(0, UTC)
    first = info.state.first_seq if info.state.messages else info.state.last_seq + 1
    return Extent(first, info.state.last_seq, created)
