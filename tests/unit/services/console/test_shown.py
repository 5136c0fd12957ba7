"""Text from a job as a page shows it."""

from __future__ import annotations

import time

import pytest

from services.console.shown import shown, shown_paragraph


@pytest.mark.parametrize(
    ("printed", "seen"),
    [
        ("plain, with ünïcödé ✓ and\ttabs", "plain, with ünïcödé ✓ and\ttabs"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b[38;2;1;2;3mrgb\x1b[m", "rgb"),
        ("\x9b31mC1", "C1"),
        ("\x1b]0;window title\x07after", "after"),
        ("\x1b]8;;https://evil.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bP1$tq\x1b\\after", "after"),
        ("\x1b(Bafter\x1bM", "after"),
        ("\x1b[2J\x1b[Hcleared", "cleared"),
        ("bell\x07 and backspace\x08", "bell\ufffd and backspace\ufffd"),
        ("unfinished \x1b", "unfinished \ufffd"),
        ("line\u2028separator", "line\ufffdseparator"),
        ("if (admin\u202e \u2066) {", "if (admin\ufffd \ufffd) {"),
    ],
)
def test_what_only_a_terminal_obeys_is_not_shown(printed: str, seen: str) -> None:
    assert shown(printed) == seen


def test_a_control_string_without_an_end_hides_nothing_but_its_beginning() -> None:
    assert "the text" in shown("\x1b]0;the text")


def test_line_ends_stay_in_a_paragraph() -> None:
    assert shown_paragraph("one\r\ntwo\x1b[1m\nthree") == "one\ntwo\nthree"
    assert "\n" not in shown("one\ntwo")


@pytest.mark.parametrize("part", ["\x1b]", "\x1bP", "\x1b[", "\x9d", "\x90", "\x1b ", "\x9b1;", "\x1b]\x1b"])
def test_no_line_takes_long(part: str) -> None:
    began = time.perf_counter()
    shown(part * (200_000 // len(part)))
    assert time.perf_counter() - began < 2
