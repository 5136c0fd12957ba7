"""Workflow commands: the lines with which a step speaks to its runner.

`CommandReader` knows what the lines before said (`stop-commands`, `echo`) and answers with what is to be done, as
values; it does nothing itself. One reader a step, as in GitHub's runner, whose rules these are: names are compared
without case, and a command that fails fails the step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from libs.contracts.attempt import Annotation
from libs.workflow.runner.annotations import annotation_of
from libs.workflow.runner.command_syntax import Command, parse
from libs.workflow.runner.effects import (
    AddMask,
    AddMatchers,
    AddPath,
    Annotate,
    CommandFailed,
    Debug,
    Effect,
    Print,
    RemoveMatchers,
    SaveState,
    SetOutput,
    SetVariable,
)
from libs.workflow.runner.files import blocked_name

ALLOW_UNSECURE = "ACTIONS_ALLOW_UNSECURE_COMMANDS"
ALLOW_WEAK_TOKEN = "ACTIONS_ALLOW_UNSECURE_STOPCOMMAND_TOKENS"  # noqa: S105  (a variable's name)
MASKED_TOKEN_CHARACTERS = 6
"""A resume token longer than this is masked in the log, as in the runner: whoever reads it could resume."""

_SILENT = frozenset({"add-mask", "debug", "notice", "warning", "error"})
"""Commands that `echo on` does not print: they print themselves, or must not be seen."""
_NAMES = _SILENT | {
    "add-matcher",
    "add-path",
    "echo",
    "endgroup",
    "group",
    "remove-matcher",
    "save-state",
    "set-env",
    "set-output",
    "stop-commands",
}


class _Refused(Exception):
    pass


@dataclass(slots=True)
class CommandReader:
    """One step's commands. `environment` is what the step sees: it may allow what is refused by default."""

    environment: Mapping[str, str]
    workspace: str = ""
    echo: bool = False
    _resume: str | None = None
    _names: set[str] = field(default_factory=lambda: set(_NAMES))
    _warned: set[str] = field(default_factory=set[str])

    def read(self, line: str) -> list[Effect] | None:
        """What follows from a line; None: it is plain output."""
        command = parse(line, self._names)
        if command is None:
            return None
        name = command.name.lower()
        if self._resume is not None:
            return self._resumed(line) if name == self._resume else None
        effects: list[Effect] = []
        if self.echo and name not in _SILENT:
            effects.append(Print(line))
        try:
            effects.extend(self._effects(name, command, line))
        except _Refused as error:
            shown = command.name if name in _SILENT else line
            effects.append(CommandFailed((f"Unable to process command '{shown}' successfully.", str(error))))
        return effects

    def _resumed(self, line: str) -> list[Effect]:
        if self._resume is not None and self._resume not in _NAMES:
            self._names.discard(self._resume)
        self._resume = None
        return [Print(line)]

    def _effects(self, name: str, command: Command, line: str) -> Iterator[Effect]:
        match name:
            case "stop-commands":
                yield from self._stop(command.data, line)
            case "set-output":
                yield SetOutput(_required_name(command), command.data)
                yield from self._deprecated(name)
            case "save-state":
                yield SaveState(_required_name(command), command.data)
                yield from self._deprecated(name)
            case "set-env":
                yield from self._set_variable(command)
            case "add-path":
                self._check_allowed(name)
                if not command.data:
                    raise _Refused("path")
                yield AddPath(command.data)
            case "add-mask":
                yield from self._mask(command.data)
            case "debug":
                yield Debug(command.data)
            case "notice" | "warning" | "error":
                yield from _shown(annotation_of(name, command, self.workspace))
            case "group":
                yield Print(f"##[group]{command.data}")
            case "endgroup":
                yield Print("##[endgroup]")
            case "echo":
                self._set_echo(command.data)
            case "add-matcher":
                yield from _add_matchers(command.data, line)
            case _:  # remove-matcher
                yield from _remove_matchers(command, line)

    def _stop(self, token: str, line: str) -> Iterator[Effect]:
        weak = not token or token.lower() == "pause-logging" or token.lower() in self._names
        if weak and not _is_set(self.environment.get(ALLOW_WEAK_TOKEN)):
            raise _Refused(
                "You cannot use a endToken that is an empty string, the string 'pause-logging', or another workflow "
                "command. Use a token that nobody can guess, or opt into insecure command execution by setting the "
                f"`{ALLOW_WEAK_TOKEN}` environment variable to `true`."
            )
        self._resume = token.lower()
        self._names.add(self._resume)
        if len(token) > MASKED_TOKEN_CHARACTERS:
            yield AddMask(token)
        yield Print(line)

    def _set_variable(self, command: Command) -> Iterator[Effect]:
        self._check_allowed("set-env")
        name = _required_name(command)
        if (blocked := blocked_name(name)) is not None:
            message = f"Can't update {blocked} environment variable using ::set-env:: command."
            yield from _shown(Annotation("error", message))
        else:
            yield SetVariable(name, command.data)

    def _check_allowed(self, name: str) -> None:
        if not _is_true(self.environment.get(ALLOW_UNSECURE)):
            raise _Refused(
                f"The `{name}` command is disabled. Please upgrade to using Environment Files or opt into unsecure "
                f"command execution by setting the `{ALLOW_UNSECURE}` environment variable to `true`."
            )

    def _mask(self, value: str) -> Iterator[Effect]:
        if not value.strip():
            yield from _warning("Can't add secret mask for empty string in ##[add-mask] command.")
            return
        if self.echo:
            yield Print("::add-mask::***")
        yield AddMask(value)

    def _set_echo(self, value: str) -> None:
        match value.strip().lower():
            case "on":
                self.echo = True
            case "off":
                self.echo = False
            case _:
                raise _Refused(
                    f"Invalid echo command value. Possible values can be: 'on', 'off'. Current value is: '{value}'."
                )

    def _deprecated(self, name: str) -> Iterator[Effect]:
        """Once a step: a step that sets a hundred outputs has made one mistake."""
        if name not in self._warned:
            self._warned.add(name)
            yield from _warning(
                f"The `{name}` command is deprecated and will be disabled soon. "
                "Please upgrade to using Environment Files."
            )


def _add_matchers(file: str, line: str) -> Iterator[Effect]:
    if file:
        yield AddMatchers(file, line)
    else:
        yield from _warning("File path must be specified.")


def _remove_matchers(command: Command, line: str) -> Iterator[Effect]:
    owner, file = command.properties.get("owner", ""), command.data
    if owner and file:
        yield from _warning(
            "Either specify an owner name or a file path in ##[remove-matcher] command. Both values cannot be set."
        )
    elif owner or file:
        yield RemoveMatchers(owner, file, line)
    else:
        yield from _warning("Either an owner name or a file path must be specified in ##[remove-matcher] command.")


def _warning(message: str) -> Iterator[Effect]:
    yield from _shown(Annotation("warning", message))


def _shown(annotation: Annotation) -> Iterator[Effect]:
    """An annotation without a message has no line, and counts all the same."""
    if annotation.message:
        yield Print(f"##[{annotation.level}]{annotation.message}")
    yield Annotate(annotation)


def _required_name(command: Command) -> str:
    name = command.properties.get("name", "")
    if not name:
        raise _Refused(f"Required field 'name' is missing in ##[{command.name}] command.")
    return name


def _is_true(value: str | None) -> bool:
    return (value or "").strip().lower() == "true"


def _is_set(value: str | None) -> bool:
    """The other test of the runner, for tokens: `1` counts too."""
    return (value or "").lower() in {"1", "true", "$true"}
