"""How a command ends: the exit codes that scripts rely on, and errors that carry them."""

from __future__ import annotations

import click

OK = 0
RUN_FAILED = 1
USAGE = 2
UNREACHABLE = 3
NOT_ALLOWED = 4
INTERRUPTED = 130


class Failed(click.ClickException):
    """Ends the command: the message says what happened, where and what to do; it goes to standard error."""

    def __init__(self, message: str, exit_code: int = RUN_FAILED) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def usage(message: str) -> Failed:
    return Failed(message, USAGE)


def unreachable(message: str) -> Failed:
    return Failed(message, UNREACHABLE)
