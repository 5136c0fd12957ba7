"""Shells: which command runs a step's script, and how the script's file is called and mended.

The templates are GitHub's. Python is run as `python`; where a machine has only `python3`, that is taken: Debian and
Ubuntu ship no `python`, and the script that fails for a missing name helps nobody.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass

SCRIPT = "{0}"
_TEMPLATES = {
    "bash": "bash --noprofile --norc -eo pipefail {0}",
    "sh": "sh -e {0}",
    "python": "python {0}",
    "pwsh": "pwsh -command \". '{0}'\"",
    "powershell": "powershell -command \". '{0}'\"",
}
_EXTENSIONS = {"bash": ".sh", "sh": ".sh", "python": ".py", "pwsh": ".ps1", "powershell": ".ps1"}
UNSPECIFIED = ("bash -e {0}", "sh -e {0}")
"""A step that names no shell: bash, or sh where there is no bash; neither with `pipefail`."""
_STOP_AT_ERRORS = "$ErrorActionPreference = 'stop'\n"
_KEEP_EXIT_CODE = "\nif ((Test-Path -LiteralPath variable:\\LASTEXITCODE)) { exit $LASTEXITCODE }"


class InvalidShell(Exception):
    """The step's `shell` is neither a known one nor a template with the script's place in it."""


@dataclass(frozen=True, slots=True)
class Shell:
    """`template` holds `{0}`; `fallback` is tried where the first program does not exist."""

    name: str
    template: str
    extension: str
    fallback: str | None = None

    def command(self, script: str, program_missing: bool = False) -> tuple[str, ...]:
        """The words of the command for a script at that path."""
        template = self.fallback if program_missing and self.fallback is not None else self.template
        return tuple(word.replace(SCRIPT, script) for word in shlex.split(template))


def shell_of(name: str | None) -> Shell:
    """The shell that a step names. Raises InvalidShell."""
    if name is None or not name.strip():
        return Shell("bash", UNSPECIFIED[0], ".sh", UNSPECIFIED[1])
    program, _, arguments = name.strip().partition(" ")
    known = program.lower()
    if not arguments.strip():
        if known not in _TEMPLATES:
            raise InvalidShell(
                f"Invalid shell option '{name}'. Shell must be a valid built-in (bash, sh, python, pwsh) "
                "or a format string containing '{0}'"
            )
        fallback = _TEMPLATES[known].replace("python", "python3") if known == "python" else None
        return Shell(known, _TEMPLATES[known], _EXTENSIONS[known], fallback)
    if SCRIPT not in arguments:
        raise InvalidShell(
            f"Invalid shell option '{name}'. Shell must be a valid built-in (bash, sh, python, pwsh) "
            "or a format string containing '{0}'"
        )
    return _custom(name.strip(), known)


def mended(shell: Shell, script: str) -> str:
    """The script as it is written: `\\r\\n` would be a part of every command, and PowerShell goes on after errors."""
    script = script.replace("\r\n", "\n")
    if shell.name in {"pwsh", "powershell"}:
        return _STOP_AT_ERRORS + script + _KEEP_EXIT_CODE
    return script if script.endswith("\n") else script + "\n"


def _custom(template: str, program: str) -> Shell:
    try:
        shlex.split(template)
    except ValueError as error:
        raise InvalidShell(f"Invalid shell option '{template}'. Its quotes do not close: {error}") from None
    return Shell(program, template, _EXTENSIONS.get(program, ""))
