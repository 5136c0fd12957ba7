"""Programs of a build are bounded, and end with whoever started them."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from services.vm_agent.image.program import Program, ProgramFailed, lines, run

ENVIRONMENT = {"PATH": os.environ["PATH"]}


def shell(text: str, *, seconds: float = 10.0, source: Path | None = None) -> Program:
    return Program(["sh", "-c", text], seconds, ENVIRONMENT, source=source)


def test_what_is_printed_is_read_line_by_line() -> None:
    assert list(lines(shell("echo one; echo two >&2; printf 'three\\377'"))) == ["one", "two", "three\ufffd"]


def test_it_reads_what_it_is_given(tmp_path: Path) -> None:
    (tmp_path / "in").write_text("hello\n")
    assert list(lines(shell("cat", source=tmp_path / "in"))) == ["hello"]
    assert list(lines(shell("cat"))) == []


def test_a_failure_says_the_code_and_the_end_of_what_was_printed() -> None:
    with pytest.raises(ProgramFailed, match=r"sh ended with code 3: .*too bad"):
        run(shell("echo too bad; exit 3"))


def test_a_missing_program_is_named() -> None:
    with pytest.raises(ProgramFailed, match="`no-such-program` is missing"):
        run(Program(["no-such-program"], 1.0, ENVIRONMENT))


def test_one_that_takes_too_long_ends_with_all_that_it_started() -> None:
    began = time.monotonic()
    with pytest.raises(ProgramFailed, match=r"not done within 0\.2 s"):
        run(shell("sleep 60 & sleep 60 | cat", seconds=0.2))
    assert time.monotonic() - began < 10


def test_it_ends_when_nobody_reads_any_more(tmp_path: Path) -> None:
    printed = lines(shell(f"trap 'touch {tmp_path}/asked; exit' INT; echo ready; while :; do sleep 0.01; done"))
    assert next(printed) == "ready"
    printed.close()
    assert (tmp_path / "asked").exists()
