"""Appends and work-queue puts: one round trip where nothing went wrong.

The condition is the server's (`Nats-Expected-Last-Subject-Sequence`); the commit id decides what a refusal means. A
single server checks the condition first and answers a repeated append with "wrong last sequence", a replicated stream
checks the id (of the commit on its subject) first and answers "duplicate". Both mean "look at the subject's last
message", which is either ours (it was stored before) or somebody else's (a conflict). The server remembers ids for
`COMMIT_WINDOW_SECONDS`: that catches the repeated append of a caller which expects its own commit; the condition
catches all others, for ever.
"""

from __future__ import annotations

import asyncio

import msgspec

from libs.bus.jetstream import api, direct
from libs.bus.jetstream.connection import REQUEST_SECONDS, RETRY_PAUSE_SECONDS, Connection
from libs.bus.port import BusDown, Conflict, Stored, TooLarge
from libs.bus.streams import MAX_MESSAGE_BYTES
from libs.contracts.envelope import Commit, decode_commit, encode
from libs.contracts.subjects import stream_of
from libs.telemetry import trace

MOST_TRIES = 50
"""Of one unconditional append against others on the same subject; each try that fails means that another succeeded."""
_EXPECTED = "Nats-Expected-Last-Subject-Sequence"
_MESSAGE_ID = "Nats-Msg-Id"
_CONDITIONS = frozenset({api.WRONG_LAST_SEQUENCE, api.WRONG_LAST_SEQUENCE_IN_FLIGHT})
_acks = msgspec.json.Decoder(api.PubAck)


async def append(connection: Connection, commit: Commit, expected: int | None) -> int:
    """See the port. Without an expectation: as if the subject were new, and behind its last message where it is not."""
    data = encode(commit)
    check_size(commit.subject, data)
    name = f"{commit.subject} {commit.id}"
    place, message_id = expected or 0, name
    for _ in range(MOST_TRIES):
        headers = {_EXPECTED: str(place), _MESSAGE_ID: message_id, trace.HEADER: trace.current()}
        ack = await publish(connection, commit.subject, data, headers)
        if ack.error is None and not ack.duplicate:
            return ack.seq
        last = await direct.last(connection, stream_of(commit.subject), commit.subject)
        if last is not None and _is_of(last, commit):
            return last.seq
        there = 0 if last is None else last.seq
        if expected is not None and (there != expected or not ack.duplicate):
            raise Conflict(commit.subject, expected, there)
        place, message_id = there, f"{name} {there}"
    raise BusDown(f"{commit.subject}: {MOST_TRIES} others appended first")


async def enqueue(connection: Connection, subject: str, data: bytes, message_id: str) -> None:
    """See the port."""
    check_size(subject, data)
    await publish(connection, subject, data, {_MESSAGE_ID: message_id, trace.HEADER: trace.current()})


async def publish(connection: Connection, subject: str, data: bytes, headers: dict[str, str]) -> api.PubAck:
    """The server's answer, which may be that the condition in the headers does not hold. Raises TooLarge, BusDown."""
    deadline = asyncio.get_running_loop().time() + REQUEST_SECONDS
    while True:
        message = await connection.request(subject, data, headers)
        ack = _acks.decode(message.data)
        if ack.error is None or ack.error.err_code in _CONDITIONS:
            return ack
        if ack.error.err_code == api.MESSAGE_TOO_LARGE:
            raise TooLarge(f"{subject}: {len(data)} bytes and the headers are over the stream's limit")
        if ack.error.err_code not in api.UNAVAILABLE or asyncio.get_running_loop().time() > deadline:
            raise api.Refused(subject, ack.error)
        await asyncio.sleep(RETRY_PAUSE_SECONDS)


def check_size(subject: str, data: bytes) -> None:
    if len(data) > MAX_MESSAGE_BYTES:
        raise TooLarge(f"{subject}: {len(data)} bytes, a message may have {MAX_MESSAGE_BYTES}")


def _is_of(stored: Stored, commit: Commit) -> bool:
    try:
        return decode_commit(stored.data).id == commit.id
    except msgspec.DecodeError:
        return False
