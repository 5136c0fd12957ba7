"""What the service and its worker process say to each other: one JSON object a line, one question at a time.

The endpoint goes along with each question, so that the worker's environment holds no key and no address.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from libs.contracts.model import ModelFailure
from libs.contracts.plan import JsonObject

Provider = Literal["ollama", "openrouter"]
PROVIDERS: tuple[Provider, ...] = ("ollama", "openrouter")

LINE_BYTES = 4 * 1024 * 1024
"""Of one line in either direction; far above what a question or an answer may be."""
RESPONSE_BYTES = 1024 * 1024
"""Of an HTTP response: an answer of the largest schema is under 40 KB, the envelope and a careless server included."""
CONTENT_CHARACTERS = 64 * 1024


class Endpoint(msgspec.Struct, frozen=True):
    """Where a model is. `key` is empty for Ollama; it is never shown."""

    provider: Provider
    base_url: str
    model: str
    key: str = ""


class Call(msgspec.Struct, frozen=True, tag="call"):
    """Both texts are data. `seconds` is for the whole call, `max_tokens` for the answer alone."""

    endpoint: Endpoint
    system: str
    user: str
    schema_name: str
    schema: JsonObject
    max_tokens: int
    seconds: float


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The worker has imported what it needs."""


class Said(msgspec.Struct, frozen=True, tag="said"):
    """What the model answered, unread. `how` is the route that worked."""

    content: str
    how: str
    tokens_in: int = 0
    tokens_out: int = 0


class Silent(msgspec.Struct, frozen=True, tag="silent"):
    """Why there is no answer; `why` is a sentence without a key and without control characters."""

    kind: ModelFailure
    why: str


Reply = Ready | Said | Silent
encode = msgspec.json.Encoder().encode
decode_call = msgspec.json.Decoder(Call).decode
decode_reply = msgspec.json.Decoder(Reply).decode
