"""What follows from a workflow command, as values: whoever runs the step does it."""

from __future__ import annotations

import msgspec

from libs.contracts.attempt import Annotation


class Print(msgspec.Struct, frozen=True):
    """To be shown in the log; not yet masked, and it may hold several lines."""

    text: str


class SetOutput(msgspec.Struct, frozen=True):
    name: str
    value: str


class SaveState(msgspec.Struct, frozen=True):
    name: str
    value: str


class SetVariable(msgspec.Struct, frozen=True):
    name: str
    value: str


class AddPath(msgspec.Struct, frozen=True):
    path: str


class AddMask(msgspec.Struct, frozen=True):
    value: str


class AddMatchers(msgspec.Struct, frozen=True):
    """Problem matchers are to be read from this file, relative to the workspace. `line` is the command as written."""

    file: str
    line: str


class RemoveMatchers(msgspec.Struct, frozen=True):
    """By their owner, or all that a file names; one of the two is empty."""

    owner: str
    file: str
    line: str


class Annotate(msgspec.Struct, frozen=True):
    annotation: Annotation


class Debug(msgspec.Struct, frozen=True):
    """Shown where the job runs with debug output."""

    text: str


class CommandFailed(msgspec.Struct, frozen=True):
    """The step fails, whatever its exit code; `messages` are shown as errors."""

    messages: tuple[str, ...]


Effect = (
    Print
    | SetOutput
    | SaveState
    | SetVariable
    | AddPath
    | AddMask
    | AddMatchers
    | RemoveMatchers
    | Annotate
    | Debug
    | CommandFailed
)
