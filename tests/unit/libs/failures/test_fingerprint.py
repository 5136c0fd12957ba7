"""The same failure is known again on another host, and another failure is another one."""

from __future__ import annotations

import base64
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.failures.fingerprint import SAID_CHARACTERS, Fingerprint, fingerprint
from libs.failures.lines import plain
from libs.failures.normal import normalise
from libs.workflow.runner.masking import Masker
from tests.unit.libs.failures.outputs import HOSTS, OUTPUTS, Failed


def on(host: dict[str, str], failed: Failed) -> Fingerprint:
    text = failed.text
    for hole, value in host.items():
        text = text.replace(f"{{{hole}}}", value)
    return fingerprint(failed.exit_code, (), text.split("\n")[-20:])


@pytest.mark.parametrize("name", OUTPUTS)
def test_the_same_failure_on_two_hosts_is_the_same(name: str) -> None:
    first, second = (on(host, OUTPUTS[name]) for host in HOSTS)
    assert first == second
    assert OUTPUTS[name].said in first.said
    assert len(first.hash) == 16


def test_different_failures_are_different() -> None:
    prints = Counter(on(HOSTS[0], failed).hash for failed in OUTPUTS.values())
    assert max(prints.values()) == 1
    assert len(prints) >= 60


def test_the_exit_code_tells_failures_apart() -> None:
    assert fingerprint(1, (), ["it ended"]).hash != fingerprint(2, (), ["it ended"]).hash


def test_silence_is_no_failure_that_anything_could_be_the_same_as() -> None:
    assert fingerprint(1, (), ()) == fingerprint(1, ("",), ("", "   ", "-----", "\x1b[0m")) == ("", "")


def test_the_order_of_failed_tests_does_not_matter() -> None:
    lines = ["FAILED tests/b.py::test_b - x", "FAILED tests/a.py::test_a - y", "2 failed in 3s"]
    assert fingerprint(1, (), lines) == fingerprint(1, (), [lines[1], lines[0], lines[2]])


def test_annotations_come_before_what_was_printed() -> None:
    assert fingerprint(1, ["Error: from an annotation"], ["Error: printed"]).said == "Error: from an annotation"


def test_a_path_in_the_attempts_own_folders_counts_from_there() -> None:
    one = fingerprint(1, (), ["error: cannot read /srv/a/work/src/x/build"], folders=("/srv/a/work", "/srv/a"))
    two = fingerprint(1, (), ["error: cannot read /data/b/src/x/build"], folders=("/data/b",))
    assert one == two
    assert one.said == "error: cannot read src/x/build"
    assert fingerprint(1, (), ["error in /srv/a/work"], folders=("/srv/a/work",)).said == "error in ."


def test_what_is_said_is_one_short_printable_line() -> None:
    said = fingerprint(1, (), ["\x1b]0;title\x07\x1b[1;31merror:\x1b[0m a\tb\r\u202e " + "long " * 100_000]).said
    assert len(said) == SAID_CHARACTERS
    assert said.startswith("error: a b long")
    assert said.isprintable()


SECRET = "hunter2-s3cr3t/Pa55"


@pytest.mark.parametrize(
    "line",
    [
        f"error: login with {SECRET} failed",
        f"error: {base64.b64encode(SECRET.encode()).decode()} was refused",
        "error: hunter2-\x1b[0ms3cr3t\x1b[1m/Pa55 refused",
        "error: hunter2-\x00s3cr3t/Pa55",
        f"error: {'x' * 980}{SECRET}",
        f"error: {'x' * 180} {SECRET}",
        f"FAILED tests/test_a.py::test_login[{SECRET}] - AssertionError",
        "error: hunter2-s3cr3t\u202e/Pa55",
        f"error: /home/{SECRET}/x",
        "error: /tmp/hunter2-s3cr3t/Pa55",
    ],
)
def test_a_secret_is_in_nothing_that_is_said(line: str) -> None:
    """Not where its parts stood apart in the output, so that nobody could mask it there."""
    masker = Masker()
    masker.add(SECRET)
    said = fingerprint(1, (), masker.mask(line).split("\n"), mask=masker.mask).said
    assert said
    assert SECRET not in said
    assert masker.mask(said) == said
    assert not any(part in said for part in ("hunter2", "s3cr3t", base64.b64encode(SECRET.encode()).decode()[4:12]))


@given(st.lists(st.text(), max_size=30), st.lists(st.text(), max_size=3))
def test_any_output_has_a_fingerprint(tail: list[str], errors: list[str]) -> None:
    found = fingerprint(1, errors, tail)
    assert len(found.said) <= SAID_CHARACTERS
    assert bool(found.hash) == bool(found.said)


@given(st.text())
def test_normalising_twice_changes_nothing(text: str) -> None:
    once = normalise(plain(text))
    assert normalise(once) == once
