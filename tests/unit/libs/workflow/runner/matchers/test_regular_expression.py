"""Patterns written for .NET in its ECMAScript mode, run by Python."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.workflow.runner.matchers.regular_expression import BadPattern, compile_pattern

MATCHES: dict[str, tuple[str, str, list[str]]] = {
    "groups": (r"^(.+):(\d+)(?::(\d+))?$", "a:1", ["a:1", "a", "1", ""]),
    "named groups are numbered behind the others": (
        r"(?<file>\w+) (\d+) (?'code'\w+)",
        "a 1 b",
        ["a 1 b", "1", "a", "b"],
    ),
    "a name's back reference": (r"(?<a>x|y)\k<a>", "yy", ["yy", "y"]),
    "another name's back reference": (r"(?'a'x|y)\k'a'", "yy", ["yy", "y"]),
    "a number's back reference": (r"(x|y)\1", "yy", ["yy", "y"]),
    "non-capturing": (r"(?:a)(?=b)(?!c)(?<=a)(?<!b)(b)", "ab", ["ab", "b"]),
    "a comment": (r"a(?# (no group) b", "ab", []),
    "a comment that ends": (r"a(?# no group)(b)", "ab", ["ab", "b"]),
    "the very end": (r"b\z", "ab", ["b"]),
    "the end": (r"b\Z", "ab", ["b"]),
    "an escape character": (r"\e\[31m(\w+)", "\x1b[31mred", ["\x1b[31mred", "red"]),
    "an escape character in a class": (r"[\e]\[", "\x1b[", ["\x1b["]),
    "escapes that mean nothing": (r"\<\i\_\/\-\:", "<i_/-:", ["<i_/-:"]),
    "escapes that mean nothing in a class": (r"[\i\<\-]+", "<i-", ["<i-"]),
    "a hyphen behind a class": (r"([\w-.]+)", "a-b.c", ["a-b.c", "a-b.c"]),
    "a bracket first in a class": (r"[]a]+", "]a]", ["]a]"]),
    "a bracket first in a negated class": (r"[^]a]+", "b[c", ["b[c"]),
    "a bracket within a class": (r"[[\]]+", "[]", ["[]"]),
    "braces that repeat nothing": (r"a{,2}", "a{,2}", ["a{,2}"]),
    "braces that repeat": (r"a{1,2}", "aaa", ["aa"]),
    "braces that are text": (r"{a}", "{a}", ["{a}"]),
    "flags in front": (r"(?i)ERROR", "error", ["error"]),
    "flags of a group": (r"(?i:ERROR): (x)", "error: x", ["error: x", "x"]),
    "digits are ASCII": (r"\d", "\u0661", []),
    "words are ASCII": (r"\w", "é", []),
    "spaces are ASCII": (r"\s", "\u00a0", []),
    "an empty pattern": ("", "x", [""]),
    "one branch of two is at the start": (r"^a|b", "cb", ["b"]),
    "a branch in a group": (r"^(a|b)c", "bc", ["bc", "b"]),
    "a branch behind a comment": (r"^a(?#x)|b", "cb", ["b"]),
    "a bar in a class or escaped": (r"^[|]\|x", "||x", ["||x"]),
    "found anywhere": (r"\d+", "ab 12", ["12"]),
}


@pytest.mark.parametrize("name", MATCHES)
def test_what_matches(name: str) -> None:
    pattern, line, expected = MATCHES[name]
    if name == "a comment":
        with pytest.raises(BadPattern):
            compile_pattern("(" + pattern)
        return
    regular = compile_pattern(pattern)
    match = regular.search(line)
    found = [] if match is None else [regular.group(match, number) for number in range(len(regular.numbers))]
    assert found == expected


@pytest.mark.parametrize(
    "pattern", ["(", "*", r"\p{Lu}", "[z-a]", "(?<=a+)b", "(?<a>x)(?<a>y)", "x" * 20_000, "(" * 5_000]
)
def test_what_cannot_be_run_is_said(pattern: str) -> None:
    with pytest.raises(BadPattern, match=r"\w"):
        compile_pattern(pattern)


@given(st.text(alphabet="ab(?<>':=!)[]^-\\{},*+|.$wdseZzkx1P#", max_size=20))
def test_any_pattern_is_compiled_or_refused(pattern: str) -> None:
    try:
        regular = compile_pattern(pattern)
    except BadPattern:
        return
    assert len(regular.numbers) == regular.expression.groups + 1


@given(
    st.lists(
        st.sampled_from(["^", "a", "b", "(", ")", "|", "(?:", "[ab|]", "\\|", "(?#c)", "*", "(?<n>", "."]), max_size=8
    ),
    st.text(alphabet="ab|c", max_size=6),
)
def test_an_anchored_search_finds_what_any_search_does(parts: list[str], line: str) -> None:
    try:
        regular = compile_pattern("^" + "".join(parts))
    except BadPattern:
        return
    found, anywhere = regular.search(line), regular.expression.search(line)
    assert (found and found.span()) == (anywhere and anywhere.span())
