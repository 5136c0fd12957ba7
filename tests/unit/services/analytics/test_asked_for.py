"""What a request asks for, from its head and its body."""

from __future__ import annotations

import asyncio

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request

from libs.analytics.question import QUERY_BYTES, Question
from services.analytics.asked_for import ANSWER_BYTES, ROWS, check_token, question


def request(method: str = "GET", query: str = "", body: bytes = b"", **headers: str) -> Request:
    scope = {
        "type": "http",
        "method": method,
        "path": "/sql",
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body}

    return Request(scope, receive)


def asked(one: Request) -> Question:
    return asyncio.run(question(one, 7))


def test_a_get_has_its_statement_in_the_address_and_a_post_in_the_body() -> None:
    assert asked(request(query="q=SELECT+1")) == Question("SELECT 1", "json", ROWS, ANSWER_BYTES, 7)
    assert asked(request("POST", "format=csv&limit=5", b"SELECT 2")) == Question("SELECT 2", "csv", 5, ANSWER_BYTES, 7)
    assert asked(request("POST", "q=SELECT+3")).query == "SELECT 3"


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("*/*", "json"),
        ("", "json"),
        ("text/csv", "csv"),
        ("TEXT/CSV", "csv"),
        ("text/*", "csv"),
        ("text/plain", "table"),
        ("application/json;q=0.5, text/csv", "csv"),
        ("application/json;q=0, application/*", "json"),
        ("image/png, application/x-ndjson;q=0.1", "ndjson"),
        ("text/csv;q=x, text/plain", "table"),
    ],
)
def test_the_best_form_of_accept(accept: str, form: str) -> None:
    headers = {"accept": accept} if accept else {}
    assert asked(request(query="q=SELECT+1", **headers)).form == form


def test_the_address_is_stronger_than_accept() -> None:
    assert asked(request(query="q=SELECT+1&format=arrow", accept="text/csv")).form == "arrow"


@pytest.mark.parametrize(
    ("one", "status"),
    [
        (request(), 400),
        (request("POST", body=b"  \n"), 400),
        (request("POST", body=b"\xff"), 400),
        (request(query="q=1&format=pdf"), 400),
        (request(query="q=1&limit=x"), 400),
        (request(query="q=1&limit=1000001"), 400),
        (request(query="q=1&limit=%C2%B2"), 400),
        (request(query="q=1&limit=" + "9" * 5000), 400),
        (request(query="q=1", accept="image/png"), 406),
        (request("POST", body=b"x" * (QUERY_BYTES + 1)), 413),
        (request(query="q=" + "%C3%BC" * (QUERY_BYTES // 2 + 1)), 413),
    ],
)
def test_what_cannot_be_asked(one: Request, status: int) -> None:
    with pytest.raises(HTTPException) as refused:
        asked(one)
    assert refused.value.status_code == status


@pytest.mark.parametrize("shown", ["", "Bearer", "Bearer ", "Bearer t", "Basic token", "token", "Bearer tökén"])
def test_another_token_is_none(shown: str) -> None:
    with pytest.raises(HTTPException) as refused:
        check_token(request(authorization=shown), "token")
    assert refused.value.status_code == 401


def test_the_token_lets_in_and_without_one_everybody_is() -> None:
    check_token(request(authorization="Bearer token"), "token")
    check_token(request(authorization="bearer  token "), "token")
    check_token(request(), "")
