"""How an error is shown."""

from __future__ import annotations

from services.cli.outcome import Usage


def test_what_an_error_quotes_moves_no_cursor() -> None:
    assert Usage("no job \x1b[2J\x07 here\n  and more").format_message() == "no job \ufffd[2J\ufffd here\n  and more"
