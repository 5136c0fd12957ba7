"""The frames between host and guest: `>IBI`, payload length, type, stream; `infra/guest/agent.py` tells the rules.

Bytes in, frames out, no I/O. What the guest says is checked here against the sizes and types that a host may be sent;
whether it may be said at that point of a stream is for `channel`.
"""

from __future__ import annotations

import enum
import struct
from typing import NamedTuple, TypeVar

import msgspec

Answer = TypeVar("Answer")
HEADER = struct.Struct(">IBI")
PROTOCOL_VERSION = 2
FRAME_BYTES = 1024**2
"""The most that one frame may carry; checked before anything is allocated for it."""
CONTROL_BYTES = 64 * 1024
"""The most of a JSON payload from a guest: answers are a few words."""
WINDOW_BYTES = 1024**2
"""What may be on the way on one stream without having been granted: it hides the round trip, and bounds the memory."""

TROUBLE_CHARACTERS = 200
FULL_FOLDERS, FOLDER_CHARACTERS = 8, 256
"""Of an EXIT: they are shown to people."""


class Kind(enum.IntEnum):
    HELLO = 1
    PING = 2
    PONG = 3
    EXEC = 4
    OUT = 5
    EXIT = 7
    PUT = 8
    ACK = 9
    GET = 10
    DATA = 11
    IDENT = 12
    KILL = 13
    HALT = 14
    MORE = 16
    FOLDER = 17
    WRITE = 18
    READ = 19
    TIME = 20
    RESIZE = 21
    BYE = 22


FROM_GUEST = frozenset({Kind.HELLO, Kind.PONG, Kind.OUT, Kind.EXIT, Kind.ACK, Kind.DATA, Kind.MORE, Kind.BYE})
_BULK = frozenset({Kind.OUT, Kind.DATA})


class Violation(Exception):
    """The guest broke the protocol; its sandbox ends."""


class Frame(NamedTuple):
    kind: Kind
    stream: int
    payload: bytes


class Hello(msgspec.Struct, frozen=True):
    v: int
    up: float = 0


class Acknowledged(msgspec.Struct, frozen=True):
    error: str = ""
    message: str = ""
    code: int = 126
    missing: bool = False


class Ended(msgspec.Struct, frozen=True):
    """`oom`: the guest's kernel killed something of it for want of memory; `full`: folders without room."""

    code: int
    signal: int | None = None
    cut: bool = False
    oom: bool = False
    full: tuple[str, ...] = ()


def encode(kind: Kind, stream: int, payload: bytes = b"") -> bytes:
    return HEADER.pack(len(payload), kind, stream) + payload


def parse_header(header: bytes) -> tuple[int, Kind, int]:
    """Payload length, type, stream. Raises Violation."""
    length, number, stream = HEADER.unpack(header)
    if number not in FROM_GUEST:
        raise Violation(f"it sent a frame of type {number}")
    kind = Kind(number)
    if length > (FRAME_BYTES if kind in _BULK else CONTROL_BYTES):
        raise Violation(f"it sent a {kind.name} of {length} bytes")
    return length, kind, stream


def hello(payload: bytes) -> Hello:
    answer = _decode(payload, Hello)
    if answer.v != PROTOCOL_VERSION:
        raise Violation(
            f"it speaks version {_shown(answer.v)} of the protocol, not {PROTOCOL_VERSION}; "
            "`firebreak image build` brings the image's guest agent up to date"
        )
    return answer


def acknowledged(payload: bytes) -> Acknowledged:
    answer = _decode(payload, Acknowledged)
    if not 1 <= answer.code <= 255:
        raise Violation(f"it answered with the exit code {_shown(answer.code)}")
    return answer


def ended(payload: bytes) -> Ended:
    answer = _decode(payload, Ended)
    if not 0 <= answer.code <= 255 or (answer.signal is not None and not 1 <= answer.signal <= 64):
        raise Violation(f"it answered with the exit code {_shown(answer.code)} and the signal {_shown(answer.signal)}")
    if len(answer.full) > FULL_FOLDERS or any(len(folder) > FOLDER_CHARACTERS for folder in answer.full):
        raise Violation("it answered with more full folders than there are")
    if answer.full:
        return msgspec.structs.replace(answer, full=tuple(printable(folder) for folder in answer.full))
    return answer


def more(payload: bytes) -> int:
    if len(payload) != 4:
        raise Violation("it granted a malformed number of bytes")
    return int.from_bytes(payload, "big")


def _shown(number: int | None) -> str:
    """JSON bounds no number: one of a thousand digits is not repeated."""
    return str(number) if number is None or abs(number) < 2**63 else "of many digits"


def _decode(payload: bytes, kind: type[Answer]) -> Answer:
    try:
        return msgspec.json.decode(payload, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as trouble:
        raise Violation(f"it sent a malformed {kind.__name__.lower()}: {str(trouble)[:TROUBLE_CHARACTERS]}") from None


def printable(text: str) -> str:
    """A guest's words for people's terminals: no control characters, nor line ends that could feign another line."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
