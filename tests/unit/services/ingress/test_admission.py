"""What comes in: size is `body.py`'s affair; then signature, headers, JSON, in this order."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest

from libs.github.signature import sign
from services.ingress.admission import Admitted, Refused, admit

SECRET = b"It's a Secret to Everybody"
GUID = "72d3162e-cc78-11e3-81ab-4c9367dc0958"
BODY = b'{"zen": "Keep it logically awesome."}'


def headers(body: bytes = BODY, **changes: str | None) -> dict[bytes, bytes]:
    given: dict[str, str | None] = {
        "x-hub-signature-256": sign(SECRET, body),
        "x-github-event": "ping",
        "x-github-delivery": GUID,
        "x-github-hook-id": "292430182",
        "content-type": "application/json",
    }
    given |= {name.replace("_", "-"): value for name, value in changes.items()}
    return {name.encode(): value.encode("latin-1") for name, value in given.items() if value is not None}


def refusal(body: bytes, /, **changes: str | None) -> tuple[int, str]:
    answer = admit(headers(body, **changes), body, SECRET)
    assert isinstance(answer, Refused)
    assert answer.message
    return answer.status, answer.error


def test_a_signed_delivery_comes_in() -> None:
    assert admit(headers(), BODY, SECRET) == Admitted(guid=GUID, event="ping", hook_id="292430182", payload=BODY)  # type: ignore[arg-type]


def test_githubs_own_example_of_a_signature() -> None:
    """From GitHub's documentation, 'Testing the webhook payload validation'."""
    assert sign(SECRET, b"Hello, World!") == "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"x_hub_signature_256": None}, (401, "signature_missing")),
        ({"x_hub_signature_256": ""}, (401, "signature_wrong")),
        ({"x_hub_signature_256": "sha256="}, (401, "signature_wrong")),
        ({"x_hub_signature_256": "sha256=" + "0" * 64}, (401, "signature_wrong")),
        ({"x_hub_signature_256": sign(b"another", BODY)}, (401, "signature_wrong")),
        ({"x_hub_signature_256": sign(SECRET, BODY + b" ")}, (401, "signature_wrong")),
        ({"x_hub_signature_256": sign(SECRET, BODY).removeprefix("sha256=")}, (401, "signature_wrong")),
        ({"x_hub_signature_256": sign(SECRET, BODY).replace("sha256", "sha1")}, (401, "signature_wrong")),
        ({"x_hub_signature_256": "sha256=\xe4\xff"}, (401, "signature_wrong")),
        ({"x_github_event": None}, (400, "event_missing")),
        ({"x_github_event": ""}, (400, "event_missing")),
        ({"x_github_event": "push push"}, (400, "event_missing")),
        ({"x_github_event": "p" * 65}, (400, "event_missing")),
        ({"x_github_delivery": None}, (400, "delivery_id_wrong")),
        ({"x_github_delivery": "1"}, (400, "delivery_id_wrong")),
        ({"x_github_delivery": "ev.run.>"}, (400, "delivery_id_wrong")),
        ({"x_github_delivery": GUID + "0"}, (400, "delivery_id_wrong")),
        ({"x_github_delivery": "{" + GUID[:-2] + "}"}, (400, "delivery_id_wrong")),
    ],
)
def test_wrong_headers_are_refused(changes: dict[str, str | None], expected: tuple[int, str]) -> None:
    assert refusal(BODY, **changes) == expected


@pytest.mark.parametrize(
    "body",
    [b"", b"{", BODY[:-1], b"[]", b"1", b'"text"', b"null", b"{} {}", b"\xff\xfe{}", b'{"a": "\xff"}', b"[" * 100_000],
)
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    assert refusal(body) == (400, "not_json")


def test_deep_nesting_is_refused_and_does_not_crash() -> None:
    body = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    answer = admit(headers(body), body, SECRET)
    assert isinstance(answer, Refused | Admitted)


def test_the_signature_comes_before_everything_else() -> None:
    assert refusal(b"{", x_hub_signature_256=None, x_github_event=None) == (401, "signature_missing")
    assert refusal(b"{", x_github_event=None, x_github_delivery=None) == (400, "event_missing")
    assert refusal(b"{", x_github_delivery=None) == (400, "delivery_id_wrong")


def test_a_form_is_read_as_github_sends_it() -> None:
    body = urlencode({"payload": BODY.decode()}).encode()
    answer = admit(headers(body, content_type="application/x-www-form-urlencoded"), body, SECRET)
    assert isinstance(answer, Admitted)
    assert json.loads(answer.payload) == json.loads(BODY)


@pytest.mark.parametrize("body", [b"", b"other=1", b"&".join([b"a=1"] * 100)])
def test_a_form_without_a_payload_is_refused(body: bytes) -> None:
    assert refusal(body, content_type="application/x-www-form-urlencoded; charset=utf-8") == (400, "form_wrong")


def test_the_guid_is_stored_in_its_canonical_form() -> None:
    answer = admit(headers(x_github_delivery=GUID.upper()), BODY, SECRET)
    assert isinstance(answer, Admitted)
    assert answer.guid == GUID


def test_no_secret_admits_nothing() -> None:
    given = headers(x_hub_signature_256=sign(b"", BODY))
    answer = admit(given, BODY, b"")
    assert isinstance(answer, Refused)
    assert answer.status == 401


def test_a_hook_id_that_is_no_number_is_dropped() -> None:
    answer = admit(headers(x_github_hook_id="<script>"), BODY, SECRET)
    assert isinstance(answer, Admitted)
    assert answer.hook_id == ""
