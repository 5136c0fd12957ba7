"""What a question and its answer are between the process that asks and the process that answers; pure.

A message is its kind (one byte), its length (four, big-endian) and its content. One answer is `Begun`, any number of
pieces of the text, `Ended`; or at any place `Refused`, and then nothing more.
"""

from __future__ import annotations

import struct
from typing import Literal

import msgspec

Form = Literal["table", "json", "ndjson", "csv", "arrow"]
Fault = Literal["statement", "work", "time", "snapshot"]
"""What was wrong: the statement itself, what it led to when it ran, how long it took, that there is no snapshot."""

QUERY_BYTES = 256 * 1024
"""A person's question, with a list of some ten thousand values in it. Parsing costs DuckDB up to 2 KB for each byte."""
PIECE_BYTES = 64 * 1024
HEAD = struct.Struct(">cI")
LONGEST_BYTES = 16 * 1024 * 1024
"""No message is longer: whoever reads one believes no length above it."""


class Question(msgspec.Struct, frozen=True):
    query: str
    form: Form
    rows: int
    bytes: int
    """The text ends with the row that reaches it."""
    seconds: float


class Begun(msgspec.Struct, frozen=True):
    """The text begins; it may still be refused in the middle."""

    snapshot: int
    published_at: str


class Ended(msgspec.Struct, frozen=True):
    """`cut`: there were more rows than the question wanted."""

    cut: bool


class Refused(msgspec.Struct, frozen=True):
    fault: Fault
    message: str


Part = Begun | bytes | Ended | Refused


class Garbled(Exception):
    """Not what an answering process says."""


def question_message(question: Question) -> bytes:
    return _message(b"q", msgspec.json.encode(question))


def part_message(part: Part) -> bytes:
    match part:
        case Begun():
            return _message(b"b", msgspec.json.encode(part))
        case bytes():
            return _message(b"t", part)
        case Ended():
            return _message(b"e", msgspec.json.encode(part))
        case Refused():
            return _message(b"r", msgspec.json.encode(part))


def length_of(head: bytes) -> int:
    """How much follows a head. Raises Garbled."""
    _, length = HEAD.unpack(head)
    if length > LONGEST_BYTES:
        raise Garbled(f"a message of {length} bytes")
    return length


def question_of(content: bytes) -> Question:
    return msgspec.json.decode(content, type=Question)


def part_of(head: bytes, content: bytes) -> Part:
    """Raises Garbled."""
    try:
        match HEAD.unpack(head)[0]:
            case b"b":
                return msgspec.json.decode(content, type=Begun)
            case b"t":
                return content
            case b"e":
                return msgspec.json.decode(content, type=Ended)
            case b"r":
                return msgspec.json.decode(content, type=Refused)
            case kind:
                raise Garbled(f"a message of kind {kind!r}")
    except msgspec.DecodeError as error:
        raise Garbled(str(error)) from None


def _message(kind: bytes, content: bytes) -> bytes:
    return HEAD.pack(kind, len(content)) + content
