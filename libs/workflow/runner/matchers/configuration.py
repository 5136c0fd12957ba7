"""A file of problem matchers, as GitHub's runner reads it: `{"problemMatcher": [{"owner", "pattern": [...]}]}`.

The refusals are the runner's, in its words. Like its JSON reader this one lets comments and trailing commas pass, takes
names in any case, and ignores what it does not know (`applyTo`, `fileLocation` of editors' matchers).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, fields
from typing import cast

MATCHERS_BYTES = 1024 * 1024
"""Of one file; the largest known are a few KiB."""
SEVERITIES = frozenset({"", "error", "warning", "notice"})
_BETWEEN = re.compile(r'"(?:[^"\\]|\\.)*"|//[^\n]*|/\*.*?\*/|,(?=\s*[}\]])', re.DOTALL)


class BadMatchers(Exception):
    """The message says what is wrong with the file."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """`regexp` and which of its groups holds what."""

    regexp: str = ""
    file: int | None = None
    line: int | None = None
    column: int | None = None
    severity: int | None = None
    code: int | None = None
    message: int | None = None
    from_path: int | None = None
    loop: bool = False


@dataclass(frozen=True, slots=True)
class Matcher:
    owner: str
    patterns: tuple[Pattern, ...] = ()
    severity: str = ""
    from_path: str = ""


GROUPS = tuple(field.name for field in fields(Pattern) if field.name not in {"regexp", "loop"})
"""The properties that name a group."""


def read_matchers(text: str) -> tuple[Matcher, ...]:
    """What the file says, not yet checked: removing by a file needs its owners alone. Raises BadMatchers."""
    try:
        whole = json.loads(_BETWEEN.sub(_without_comment, text.removeprefix("\ufeff")) or "null")
    except (ValueError, RecursionError) as error:
        raise BadMatchers(f"The file is no JSON: {error}") from None
    found = _property(cast("object", whole), "problemMatcher") if isinstance(whole, dict) else None
    return tuple(_matcher(one) for one in _list(found, "problemMatcher"))


def checked(matchers: tuple[Matcher, ...]) -> tuple[Matcher, ...]:
    """The same. Groups that a pattern does not have are found where it is compiled. Raises BadMatchers."""
    owners: set[str] = set()
    for matcher in matchers:
        _check(matcher)
        if matcher.owner.lower() in owners:
            raise BadMatchers(f"Duplicate owner name '{matcher.owner}'")
        owners.add(matcher.owner.lower())
    return matchers


def _check(matcher: Matcher) -> None:
    if not matcher.owner:
        raise BadMatchers("Owner must not be empty")
    if matcher.severity.lower() not in SEVERITIES:
        raise BadMatchers(f"Matcher '{matcher.owner}' contains unexpected default severity '{matcher.severity}'")
    if not matcher.patterns:
        raise BadMatchers(f"Matcher '{matcher.owner}' does not contain any patterns")
    last = len(matcher.patterns) - 1
    taken: set[str] = set()
    for place, pattern in enumerate(matcher.patterns):
        if pattern.loop and (place == 0 or place != last):
            raise BadMatchers("Only the last pattern in a multiline matcher may set 'loop'")
        if pattern.loop and pattern.message is None:
            raise BadMatchers("The loop pattern must set 'message'")
        for name in _named(pattern):
            if name in taken:
                raise BadMatchers(f"The property '{written(name)}' is set twice")
            taken.add(name)
    if "message" not in taken:
        raise BadMatchers("At least one pattern must set 'message'")


def written(name: str) -> str:
    """A field's name as the file has it."""
    return "fromPath" if name == "from_path" else name


def group_of(pattern: Pattern, name: str) -> int | None:
    return cast("int | None", getattr(pattern, name))


def _named(pattern: Pattern) -> list[str]:
    return [name for name in GROUPS if group_of(pattern, name) is not None]


def _without_comment(match: re.Match[str]) -> str:
    return match.group() if match.group().startswith('"') else ""


def _matcher(given: object) -> Matcher:
    patterns = _list(_property(given, "pattern"), "pattern")
    return Matcher(
        owner=_text(given, "owner"),
        severity=_text(given, "severity"),
        from_path=_text(given, "fromPath"),
        patterns=tuple(_pattern(one) for one in patterns),
    )


def _pattern(given: object) -> Pattern:
    loop = _property(given, "loop")
    groups = {name: _group(given, written(name)) for name in GROUPS}
    return Pattern(
        _text(given, "regexp"), **groups, loop=loop is True or (isinstance(loop, str) and loop.lower() == "true")
    )


def _group(given: object, name: str) -> int | None:
    value = _property(given, name)
    if isinstance(value, str) and value.strip().isdecimal() and value.isascii():
        value = int(value)
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise BadMatchers(f"The property '{name}' must be the number of a group, it is {json.dumps(value)[:100]}")


def _text(given: object, name: str) -> str:
    value = _property(given, name)
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return json.dumps(value)
    raise BadMatchers(f"The property '{name}' must be text, it is {json.dumps(value)[:100]}")


def _list(value: object, name: str) -> list[object]:
    if value is None:
        return []
    if isinstance(value, list):
        return cast("list[object]", value)
    raise BadMatchers(f"The property '{name}' must be a list, it is {json.dumps(value)[:100]}")


def _property(given: object, name: str) -> object:
    """By its exact name, else whatever its case."""
    if not isinstance(given, dict):
        raise BadMatchers(f"An object with '{name}' was expected, it is {json.dumps(given)[:100]}")
    values = cast("dict[str, object]", given)
    if name in values:
        return values[name]
    return next((value for key, value in values.items() if key.lower() == name.lower()), None)
