"""Whether a delivery comes in: a pure function of its headers and its body.

The order is fixed: size (while the body is read, `body.py`), signature, headers, JSON. Nothing that a stranger sent is
looked at before its signature was. The payload's meaning is the parser's affair.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

import msgspec

from libs.contracts.ids import DeliveryGuid, parse_guid
from libs.github import signature

FORM = b"application/x-www-form-urlencoded"
MAX_FORM_FIELDS = 16
"""GitHub sends one field, `payload`."""
_EVENT = re.compile(r"[a-z0-9_]{1,64}\Z")
_HOOK_ID = re.compile(r"[0-9]{1,20}\Z")
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass(frozen=True, slots=True)
class Admitted:
    """A verified delivery. `payload` is the JSON text, taken out of its form where GitHub sent one."""

    guid: DeliveryGuid
    event: str
    hook_id: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """`error` is a word for programs, `message` says to people what is wrong and what to do."""

    status: int
    error: str
    message: str


def admit(headers: Mapping[bytes, bytes], body: bytes, secret: bytes) -> Admitted | Refused:
    """Header names are lower-case, as ASGI gives them."""
    return _signed(headers, body, secret) or _described(headers, body)


def _signed(headers: Mapping[bytes, bytes], body: bytes, secret: bytes) -> Refused | None:
    given = headers.get(b"x-hub-signature-256")
    if given is None:
        return Refused(
            401,
            "signature_missing",
            "the header X-Hub-Signature-256 is missing: set a secret in the webhook's settings on GitHub",
        )
    if not signature.verify(secret, body, given.decode("latin-1")):
        return Refused(
            401,
            "signature_wrong",
            "X-Hub-Signature-256 is not this body's: the secret on GitHub and GITHUB_WEBHOOK_SECRET must be the same",
        )
    return None


def _described(headers: Mapping[bytes, bytes], body: bytes) -> Admitted | Refused:
    event = headers.get(b"x-github-event", b"").decode("latin-1")
    if not _EVENT.match(event):
        message = "the header X-GitHub-Event is missing or names no event: send the event's name, as GitHub does"
        return Refused(400, "event_missing", message)
    try:
        guid = parse_guid(headers.get(b"x-github-delivery", b"").decode("latin-1"))
    except ValueError:
        message = "the header X-GitHub-Delivery is missing or no UUID: send one UUID for each delivery"
        return Refused(400, "delivery_id_wrong", message)
    payload = _payload(headers.get(b"content-type", b""), body)
    if isinstance(payload, Refused):
        return payload
    hook_id = headers.get(b"x-github-hook-id", b"").decode("latin-1")
    return Admitted(guid, event, hook_id if _HOOK_ID.match(hook_id) else "", payload)


def _payload(content_type: bytes, body: bytes) -> bytes | Refused:
    payload = body
    if content_type.partition(b";")[0].strip().lower() == FORM:
        field = _form_field(body)
        if field is None:
            return Refused(400, "form_wrong", "the form has no field `payload`: set the content type application/json")
        payload = field
    try:
        payload.decode("utf-8")
        _object.decode(payload)
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError) as error:
        return Refused(
            400, "not_json", f"the body is no JSON object ({_short(error)}): send the payload as GitHub does"
        )
    return payload


def _form_field(body: bytes) -> bytes | None:
    try:
        fields = dict(parse_qsl(body, keep_blank_values=True, max_num_fields=MAX_FORM_FIELDS))
    except ValueError:
        return None
    return fields.get(b"payload")


def _short(error: Exception) -> str:
    return str(error).replace("`", "")[:200]
