"""What follows from a workflow command, as values: whoever runs the step does it."""

from __future__ import annotations

from dataclasses import dataclass

from libs.contracts.attempt import Annotation


@dataclass(frozen=True, slots=True)
class Print:
    """To be shown in the log; not yet masked, and it may hold several lines."""

    text: str


@dataclass(frozen=True, slots=True)
class SetOutput:
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class SaveState:
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class SetVariable:
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class AddPath:
    path: str


@dataclass(frozen=True, slots=True)
class AddMask:
    value: str


@dataclass(frozen=True, slots=True)
class Annotate:
    annotation: Annotation


@dataclass(frozen=True, slots=True)
class Debug:
    """Shown where the job runs with debug output."""

    text: str


@dataclass(frozen=True, slots=True)
class CommandFailed:
    """The step fails, whatever its exit code; `messages` are shown as errors."""

    messages: tuple[str, ...]


Effect = Print | SetOutput | SaveState | SetVariable | AddPath | AddMask | Annotate | Debug | CommandFailed
