"""How a workflow command is written: `::name key=value,key=value::message`, and the older `##[name key=value;]message`.

The new form stands at the line's start, spaces aside; the legacy one anywhere in it, as in GitHub's runner. Which names
are commands, and what they do, is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Set

import msgspec

COMMAND = "::"
LEGACY = "##["
_AT_START = re.compile(r"^[^\S\n]*::", re.MULTILINE)


class Command(msgspec.Struct, frozen=True):
    """`name` as it was written; the keys of `properties` in lower case."""

    name: str
    properties: Mapping[str, str]
    data: str


def may_hold_command(text: str) -> bool:
    """A quick look at many lines, before they are looked at one by one; it may say yes in vain."""
    return LEGACY in text or (COMMAND in text and _AT_START.search(text) is not None)


def parse(line: str, names: Set[str]) -> Command | None:
    """The command in a line, or None where it is plain output. `names` are in lower case."""
    trimmed = line.lstrip()
    if trimmed.startswith(COMMAND):
        info, separator, data = trimmed[len(COMMAND) :].partition(COMMAND)
        if separator and (command := _command(info, data, names, _NEW)) is not None:
            return command
    start = line.find(LEGACY)
    if start < 0:
        return None
    info, separator, data = line[start + len(LEGACY) :].partition("]")
    return _command(info, data, names, _OLD) if separator else None


class _Form(msgspec.Struct, frozen=True):
    """How one of the two forms separates properties and escapes what it holds; the percent sign comes last.

    `trims`: space around all the properties is no part of the first and the last one.
    """

    separator: str
    trims: bool
    property_escapes: tuple[tuple[str, str], ...]
    data_escapes: tuple[tuple[str, str], ...]


_LINE_ENDS = (("%0D", "\r"), ("%0A", "\n"))
_PERCENT = (("%25", "%"),)
_OLD_ESCAPES = (("%3B", ";"), *_LINE_ENDS, ("%5D", "]"), *_PERCENT)
_NEW = _Form(",", True, (*_LINE_ENDS, ("%3A", ":"), ("%2C", ","), *_PERCENT), (*_LINE_ENDS, *_PERCENT))
_OLD = _Form(";", False, _OLD_ESCAPES, _OLD_ESCAPES)


def _command(info: str, data: str, names: Set[str], form: _Form) -> Command | None:
    name, _, rest = info.partition(" ")
    if name.lower() not in names:
        return None
    properties = _properties(rest.strip() if form.trims else rest, form)
    return Command(name, properties, _unescaped(data, form.data_escapes))


def _properties(text: str, form: _Form) -> dict[str, str]:
    """What has no key or no value is left out; equals signs before either of them count for nothing, as in the runner.

    A key keeps the space around it, and so is another one.
    """
    properties: dict[str, str] = {}
    for part in text.split(form.separator):
        key, _, value = part.lstrip("=").partition("=")
        value = value.lstrip("=")
        if value:
            properties[key.lower()] = _unescaped(value, form.property_escapes)
    return properties


def _unescaped(text: str, escapes: tuple[tuple[str, str], ...]) -> str:
    if "%" in text:
        for escape, character in escapes:
            text = text.replace(escape, character)
    return text
