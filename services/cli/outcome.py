"""How a command ends: the exit codes that scripts rely on, and errors that carry them."""

from __future__ import annotations

import click

from services.cli.words import plain

OK = 0
RUN_FAILED = 1
USAGE = 2
UNREACHABLE = 3
NOT_ALLOWED = 4
INTERRUPTED = 130


class Failed(click.ClickException):
    """Ends the command: the message says what happened, where and what to do; it goes to standard error."""

    exit_code = RUN_FAILED

    def format_message(self) -> str:
        """It may quote a file or an event."""
        return plain(self.message)


class Usage(Failed):
    """It was called wrongly, or a workflow is invalid."""

    exit_code = USAGE


class Unreachable(Failed):
    """The system, or something that it needs, does not answer."""

    exit_code = UNREACHABLE


class NotAllowed(Failed):
    """It is there, and refuses."""

    exit_code = NOT_ALLOWED
