"""The token's end is noticed before it bites, and the token is never quoted."""

from __future__ import annotations

import base64
import json

import pytest

from services.vm_agent.sandbox.fcctl import bearer
from services.vm_agent.sandbox.fcctl.bearer import JOB_SECONDS, LEAST_SECONDS, TokenTrouble

NOW = 1_800_000_000.0


def token(claims: object) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"eyJhbGciOiJIUzI1NiJ9.{body}.c2lnbmF0dXJl"


def test_its_end_is_read_without_verifying_it() -> None:
    assert bearer.expiry(token({"exp": 1_800_000_001, "user_id": "u"})) == 1_800_000_001


def test_a_token_without_an_end_is_good() -> None:
    bearer.check(token({"user_id": "u"}), NOW)
    assert bearer.warning(token({"user_id": "u"}), NOW) == ""


@pytest.mark.parametrize("end", [NOW - 1, NOW, NOW + LEAST_SECONDS - 1])
def test_a_token_that_has_ended_or_soon_will_is_refused_with_what_to_do(end: float) -> None:
    made = token({"exp": end})
    with pytest.raises(TokenTrouble, match=r"2027-01-15.*FIRECRACKER_AUTH_TOKEN") as caught:
        bearer.check(made, NOW)
    assert made not in str(caught.value)


def test_a_token_that_ends_before_the_longest_job_is_warned_of() -> None:
    made = token({"exp": NOW + JOB_SECONDS - 1})
    bearer.check(made, NOW)
    assert "2027-01-15" in bearer.warning(made, NOW)
    assert bearer.warning(token({"exp": NOW + JOB_SECONDS}), NOW) == ""


@pytest.mark.parametrize("made", ["", "secret-word", "a.b", "a.!!.c", "a.W10.c", "a.b\nX: y.c", token({"exp": "soon"})])
def test_what_is_no_token_is_said_without_quoting_it(made: str) -> None:
    with pytest.raises(TokenTrouble) as caught:
        bearer.check(made, NOW)
    assert not made or made not in str(caught.value)


def test_an_end_beyond_all_dates_is_no_crash() -> None:
    with pytest.raises(TokenTrouble, match="a date that is none"):
        bearer.check(token({"exp": -1e18}), NOW)
