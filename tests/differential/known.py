"""Where ours differs from GitHub's npm package, and why: each difference by a name, a reason, and how to know it.

The package serves GitHub's editor extension. What runs workflows (the service and the runner, both in C#) differs from
it; where that is known we follow what runs. A difference that nothing here explains fails the differential tests.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import msgspec

from libs.workflow.expressions.values import whitespace
from tests.differential import traits
from tests.differential.comparing import Difference


class Known(msgspec.Struct, frozen=True):
    """`example` is an expression that shows it; a `github` in it has `a` and `A`."""

    name: str
    example: str
    reason: str
    explains: Callable[[Difference], bool]


def explanation(difference: Difference) -> Known | None:
    return next((known for known in KNOWN if known.explains(difference)), None)


def _depth(found: Difference) -> bool:
    return any(words.startswith("Exceeded max expression depth") for words in (found.our_error, found.their_error))


def _unknown_function(found: Difference) -> bool:
    if found.our_error != "Unrecognized function" or "error" not in found.theirs:
        return False
    return found.theirs["error"]["column"] > found.ours["error"]["column"]


def _end(found: Difference) -> bool:
    message = found.theirs.get("error", {}).get("message")
    return found.our_error == "Unexpected end of expression" and message == "Unexpected symbol: 'EOF'"


def _comma(found: Difference) -> bool:
    message = found.ours.get("error", {}).get("message", "")
    return message.startswith("Unexpected symbol: ')'") and re.search(r",\s*\)", found.expression) is not None


def _length(found: Difference) -> bool:
    message = found.theirs.get("error", {}).get("message")
    return found.our_error.startswith("Exceeded max expression length") and message == "ErrorExceededMaxLength"


def _specifiers(found: Difference) -> bool:
    is_ours = found.our_error.startswith("The following format string is invalid")
    return is_ours and any(re.search(r"\{[0-9]+[^0-9}]", text) for text in _texts(found))


def _braces(found: Difference) -> bool:
    return found.expression.strip(whitespace).startswith("${{")


def _spaces(found: Difference) -> bool:
    outside = set(traits.outside_literals(found.expression))
    return bool(traits.odd_spaces & outside) or any(map(traits.has_odd_space, _texts(found)))


def _quotes(found: Difference) -> bool:
    return any(literal[1:-1].count("''") > 1 for literal in traits.literals(found.expression))


def _prefixes(found: Difference) -> bool:
    return any(map(traits.has_odd_prefix, (found.expression, *_texts(found))))


def _numbers(found: Difference) -> bool:
    return any(map(traits.is_odd_number, traits.numbers(found.expression, found.contexts)))


def _not_finite(found: Difference) -> bool:
    numbers = traits.numbers(found.expression, found.contexts)
    return "tojson" in found.expression.lower() and not all(map(math.isfinite, numbers))


def _lazy(found: Difference) -> bool:
    return found.theirs.get("error", {}).get("kind") == "evaluation" and "value" in found.ours


def _separators(found: Difference) -> bool:
    return "tojson" in found.expression.lower() and any(map(traits.has_separator, _texts(found)))


def _casing(found: Difference) -> bool:
    return any(map(traits.has_odd_case, _texts(found)))


def _same_name(found: Difference) -> bool:
    return any(map(traits.has_name_twice, _objects(found)))


def _order(found: Difference) -> bool:
    return not all(map(traits.has_javascript_order, _objects(found)))


def _prototype(found: Difference) -> bool:
    return any(map(traits.has_javascript_name, _objects(found)))


def _texts(found: Difference) -> list[str]:
    return list(traits.texts(found.expression, found.contexts))


def _objects(found: Difference) -> list[traits.Keys]:
    return list(traits.objects(found.expression, found.contexts))


KNOWN = (
    Known(
        "end",
        "format(1",
        "The package calls the end of an expression `Unexpected symbol: 'EOF'` where a bracket or a list of arguments "
        "is open or a name is missing, and `Unexpected end of expression` elsewhere; here it has one name, and its "
        "column is the last token's.",
        _end,
    ),
    Known(
        "depth",
        "1" + " == 1" * 50,
        "The service and the runner measure the finished tree, in which `a && (b && c)` is one level and "
        "`a == b == c` two; the package counts the recursion of its parser.",
        _depth,
    ),
    Known(
        "length",
        "1" + " " * 21_000,
        "The package refuses an expression of more than 21,000 characters without a place, in a word of its own.",
        _length,
    ),
    Known(
        "comma",
        "contains('a', 'b',)",
        "The package lets a comma end a list of arguments; the runner expects an argument after it.",
        _comma,
    ),
    Known(
        "specifiers",
        "format('{0:x}', 1)",
        "The package takes `{0:x}` and `{0 anything}` in a format string for `{0}`; the runner refuses them.",
        _specifiers,
    ),
    Known(
        "unknown function",
        "foo(toJSON())",
        "The runner refuses an unknown function where it stands; the package reads the arguments first, and tells of "
        "an error in them instead.",
        _unknown_function,
    ),
    Known(
        "braces",
        "${{ 1 }}",
        "`firebreak expr` takes an expression in `${{ }}` too; the package is given the inside.",
        _braces,
    ),
    Known(
        "white space",
        "1\xa0",
        "White space is what .NET calls so, around tokens and around the number in a text; the package knows four "
        "characters between tokens, and JavaScript's white space around numbers.",
        _spaces,
    ),
    Known(
        "quotes",
        "''''''",
        "The package makes one quote of the first `''` of a string only; every one is an escaped quote.",
        _quotes,
    ),
    Known(
        "prefixes",
        "0b11",
        "JavaScript also reads `0X`, `0O`, `0b` and `0B`; the language has `0x` and `0o` alone.",
        _prefixes,
    ),
    Known(
        "separators",
        "toJSON('a\u2028b')",
        "The runner's toJSON escapes the line separators U+0085, U+2028 and U+2029; JavaScript's does not.",
        _separators,
    ),
    Known(
        "lazy",
        "case(true, 1, fromJSON(''))",
        "The runner evaluates neither an argument that it does not need (of `case`, `format`, `join`) nor the index of "
        "what has no properties; the package evaluates everything first, and fails where that fails.",
        _lazy,
    ),
    Known(
        "numbers",
        "toJSON(1e21)",
        "The runner writes a number with fifteen digits (`1E+21`, `0.333333333333333`), in JSON too; the package as "
        "JavaScript does.",
        _numbers,
    ),
    Known(
        "not finite",
        "toJSON(NaN)",
        "JSON has no NaN and no infinity: the runner's toJSON writes their names, the package's null.",
        _not_finite,
    ),
    Known(
        "casing",
        "'ß' == 'ss'",
        "Text is compared ordinally, one character at a time; the package uses JavaScript's conversions, in which `ß` "
        "becomes `SS` and a long s an `S`, and to lower case for `contains`.",
        _casing,
    ),
    Known(
        "same name",
        "github.*",
        "Of two properties of a context whose names differ in case only, the package loses the second; here both are "
        "kept, and an exact name finds its own: webhook payloads are taken as they come.",
        _same_name,
    ),
    Known(
        "order",
        'fromJSON(\'{"b":1,"0":2}\').*',
        "JavaScript moves properties whose names are whole numbers to the front; here they stay in their order.",
        _order,
    ),
    Known(
        "prototype",
        "fromJSON('{\"constructor\":1}').*",
        "The package keeps properties in a JavaScript object, which already has `constructor` and `__proto__`: it "
        "loses properties of those names.",
        _prototype,
    ),
)
