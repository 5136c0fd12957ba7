"""What the options of `firebreak run` mean: names with values, from the command line, files and the environment."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from services.cli.outcome import Usage

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
FILE_BYTES = 1024 * 1024
"""Of a file with secrets or variables: more is another file, named by mistake."""


def pairs(option: str, values: Sequence[str]) -> dict[str, str]:
    """`K=V`, once an option. Raises Usage."""
    found: dict[str, str] = {}
    for text in values:
        name, equals, value = text.partition("=")
        if not equals or not _NAME.match(name):
            raise Usage(f"{option} {text!r}: expected NAME=VALUE, NAME of letters, digits and '_'")
        found[name] = _in_utf8(f"{option} {name}", value)
    return found


def _in_utf8(what: str, value: str) -> str:
    """Bytes of the command line or the environment that are no text come as halves of surrogate pairs. Raises Usage."""
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise Usage(f"{what}: the value is not UTF-8, and a workflow has text only")
    return value


def secrets(values: Sequence[str], file: Path | None, environment: Mapping[str, str]) -> dict[str, str]:
    """`K=V`, or `K` alone for the environment's value, over those of the file. Raises Usage, which names no value."""
    found = pairs_of_file("--secret-file", file)
    for text in values:
        name, equals, value = text.partition("=")
        if not _NAME.match(name):
            raise Usage("--secret: expected NAME or NAME=VALUE, NAME of letters, digits and '_'")
        if not equals and name not in environment:
            raise Usage(f"--secret {name}: it has no value here and the environment has no {name}; write {name}=VALUE")
        found[name] = _in_utf8(f"--secret {name}", value if equals else environment[name])
    return found


def pairs_of_file(option: str, file: Path | None) -> dict[str, str]:
    r"""`NAME=VALUE` lines; quotes may hold spaces and, double ones, `\n`. Nothing is expanded. Raises Usage."""
    if file is None:
        return {}
    from dotenv import dotenv_values

    try:
        if file.stat().st_size > FILE_BYTES:
            raise Usage(f"{option} {file}: it is larger than {FILE_BYTES} bytes")
        found = dotenv_values(file, interpolate=False)
    except (OSError, UnicodeDecodeError) as error:
        raise Usage(f"{option} {file}: it cannot be read: {error}") from None
    for name, value in found.items():
        if value is None or not _NAME.match(name):
            raise Usage(f"{option} {file}: {name!r}: expected lines NAME=VALUE")
    return {name: value for name, value in found.items() if value is not None}


def matrix_filter(values: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """`KEY:VALUE`; the same key again allows another value. Raises Usage."""
    found: dict[str, tuple[str, ...]] = {}
    for text in values:
        key, colon, value = text.partition(":")
        if not colon or not key:
            raise Usage(f"--matrix {text!r}: expected KEY:VALUE")
        found[key] = (*found.get(key, ()), _in_utf8(f"--matrix {key!r}", value))
    return found
