"""What is asked of a model, whatever it is about: two texts, the schema of the answer, bounds. How an answer is read.

The schema is made from the struct that the answer is decoded into, so that what is enforced there and here is one
thing. A question knows no endpoint.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TypeVar, cast

import msgspec

from libs.contracts.model import ModelTask
from libs.contracts.plan import JsonObject

CHARACTERS_A_TOKEN = 3
"""What a token stands for at least in text like ours, so that an estimate errs on the small side."""

Answer = TypeVar("Answer", bound=msgspec.Struct)


class Question(msgspec.Struct, frozen=True):
    """`name` is the schema's; `max_tokens` is above what the schema lets an answer be."""

    task: ModelTask
    name: str
    system: str
    user: str
    schema: JsonObject
    max_tokens: int

    @property
    def tokens(self) -> int:
        """An estimate of what is sent."""
        return (len(self.system) + len(self.user)) // CHARACTERS_A_TOKEN + 1


class Malformed(Exception):
    """The answer is not of the schema; the message says where."""


def schema_of(kind: type[msgspec.Struct]) -> JsonObject:
    """With everything in its place: not every server follows references."""
    whole = msgspec.json.schema(kind)
    parts = cast("Mapping[str, object]", whole.get("$defs", {}))
    return cast("JsonObject", _inlined(parts[kind.__name__], parts))


def read_answer(kind: type[Answer], text: str) -> Answer:
    """Raises Malformed."""
    try:
        return msgspec.json.decode(text.encode("utf-8", "surrogatepass"), type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Malformed(f"{error}"[:200]) from None


def content_hash(question: Question, model: str, *more: object) -> str:
    """What the same question to the same model is known by; 64 hexadecimal digits."""
    asked = [question.system, question.user, question.schema, question.max_tokens, model, *more]
    return hashlib.sha256(msgspec.json.encode(asked, order="sorted")).hexdigest()


def _inlined(value: object, parts: Mapping[str, object]) -> object:
    if isinstance(value, dict):
        mapping = cast("dict[str, object]", value)
        reference = mapping.get("$ref")
        if isinstance(reference, str):
            return _inlined(parts[reference.rpartition("/")[2]], parts)
        return {name: _inlined(item, parts) for name, item in mapping.items() if name not in ("title", "description")}
    if isinstance(value, list):
        return [_inlined(item, parts) for item in cast("list[object]", value)]
    return value
