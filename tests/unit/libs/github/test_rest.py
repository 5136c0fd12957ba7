"""When a refusal is about rate, and how long it asks to wait."""

from __future__ import annotations

import pytest

from libs.github.rest import limited_seconds

CASES: list[tuple[int, dict[str, str], str, int | None]] = [
    (403, {"retry-after": "7"}, "You have exceeded a secondary rate limit", 7),
    (429, {"retry-after": "0"}, "", 1),
    (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1100"}, "API rate limit exceeded", 100),
    (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "900"}, "API rate limit exceeded", 1),
    (403, {"retry-after": "5", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1100"}, "", 5),
    (403, {}, "You have exceeded a secondary rate limit.", 60),
    (429, {"retry-after": "soon"}, "", 60),
    (403, {"x-ratelimit-remaining": "12"}, "Resource not accessible by personal access token", None),
    (404, {"x-ratelimit-remaining": "0"}, "Not Found", None),
]


@pytest.mark.parametrize(("status", "headers", "message", "seconds"), CASES)
def test_how_long_to_wait(status: int, headers: dict[str, str], message: str, seconds: float | None) -> None:
    assert limited_seconds(status, headers, message, now=1000) == seconds
