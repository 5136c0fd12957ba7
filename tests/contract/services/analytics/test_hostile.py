"""SQL that reads, writes, attaches, installs, takes all memory or time is refused or ended, and the service lives."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from libs.analytics.question import QUERY_BYTES
from tests.contract.services.analytics.conftest import Endpoint
from tests.contract.services.analytics.hostile import NOT_ASKED, TOO_LONG, TOO_MUCH

CLI_SECONDS = 60
BY_COMMAND = {
    name: {**NOT_ASKED, **TOO_MUCH, **TOO_LONG}[name]
    for name in (
        "read a file",
        "write a file in a SELECT",
        "allow itself files",
        "a long text",
        "what heeds no interrupt",
    )
}


@pytest.mark.parametrize("name", NOT_ASKED)
def test_what_does_not_ask_is_refused(endpoint: Endpoint, tmp_path: Path, name: str) -> None:
    out = tmp_path / "out"
    answer = endpoint.ask(NOT_ASKED[name].replace("{out}", str(out)))
    assert (answer.status_code, answer.json()["error"]) == (400, 400), answer.text
    assert answer.json()["message"]
    assert "root:" not in answer.text
    assert not out.exists()
    assert endpoint.lives()


@pytest.mark.parametrize("name", TOO_MUCH)
def test_what_takes_too_much_is_ended(endpoint: Endpoint, name: str) -> None:
    answer = endpoint.ask(TOO_MUCH[name])
    # On a busy machine a second may be over before the memory is.
    assert answer.status_code in (422, 408), answer.text
    assert endpoint.lives()


@pytest.mark.parametrize("name", TOO_LONG)
def test_what_takes_too_long_is_ended(endpoint: Endpoint, name: str) -> None:
    answer = endpoint.ask(TOO_LONG[name])
    assert answer.status_code == 408, answer.text
    assert "longer than 1 s" in answer.json()["message"]
    assert endpoint.lives()


def test_a_text_of_a_mebibyte_is_refused(endpoint: Endpoint) -> None:
    for query in ("SELECT 1 -- " + "x" * 2**20, "SELECT 1 -- " + "x" * QUERY_BYTES):
        assert endpoint.ask(query).status_code == 413
    assert endpoint.lives()


def test_a_huge_answer_is_cut_and_says_so(endpoint: Endpoint) -> None:
    answer = endpoint.ask("FROM range(10000000000)", limit="1000")
    assert answer.headers["firebreak-cut"] == "true"
    assert len(answer.json()) == 1000
    answer = endpoint.ask("SELECT repeat('x', 10000) AS x FROM range(1000000)", form="ndjson")
    # A busy machine may not make so much of it in a second.
    if answer.status_code != 408:
        assert answer.headers["firebreak-cut"] == "true"
        assert 30_000_000 < len(answer.content) < 40_000_000
    assert endpoint.lives()


def test_of_many_at_once_some_are_turned_away_and_none_is_lost(endpoint: Endpoint) -> None:
    slow = TOO_LONG["a product"]
    with ThreadPoolExecutor(20) as pool:
        statuses = list(pool.map(lambda _: endpoint.ask(slow).status_code, range(20)))
    assert set(statuses) <= {408, 429, 503}
    assert 408 in statuses
    assert 429 in statuses
    assert endpoint.lives()


@pytest.mark.parametrize("name", BY_COMMAND)
def test_the_command_line_refuses_and_ends_the_same(home: Path, tmp_path: Path, name: str) -> None:
    out = tmp_path / "out"
    query = BY_COMMAND[name].replace("{out}", str(out))
    done = subprocess.run(
        [sys.executable, "-m", "services.cli", "sql", "--timeout", "1", query],
        env={"PATH": os.environ["PATH"], "HOME": str(home), "FIREBREAK_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=CLI_SECONDS,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("Error: ")
    assert done.stdout == ""
    assert not out.exists()
