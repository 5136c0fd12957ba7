"""Which names of the server are believed."""

from __future__ import annotations

import pytest

from libs.server_names import is_ours

NAMES = frozenset({"ci.example.org"})


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:3001", "[::1]:3001", "10.0.0.7", "localhost:3001", "console", "CI.example.org", "ci.example.org:80",
     "ci.example.org.", "x.localhost", ""],
)  # fmt: skip
def test_addresses_local_names_and_its_public_name_are_its_own(host: str) -> None:
    assert is_ours(host, NAMES)


@pytest.mark.parametrize("host", ["evil.example", "ci.example.org.evil.example", "127.0.0.1.evil.example:3001"])
def test_a_name_of_somebody_elses_dns_is_not(host: str) -> None:
    assert not is_ours(host, NAMES)
