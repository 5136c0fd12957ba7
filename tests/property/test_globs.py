"""The automaton of filter patterns against the obvious translation to a regular expression."""

import re

from hypothesis import given
from hypothesis import strategies as st

from libs.workflow.globs import GlobError, compile_glob

alphabet = "ab/.*?+[]-!\\"
patterns = st.text(alphabet, min_size=1, max_size=8)
texts = st.text("ab/.*-", max_size=8)


def translated(pattern: str) -> re.Pattern[str]:
    """Only for patterns that compile; backtracks, and may."""
    body = pattern.removeprefix("!")
    result = ""
    index = 0
    while index < len(body):
        if body.startswith("**/", index) and (index == 0 or (body[index - 1] == "/" and _is_plain(body, index - 1))):
            result += "(?:.*/)?"
            index += 3
        elif body.startswith("**", index):
            result += ".*"
            index += 2
        elif body[index] == "*":
            result += "[^/]*"
            index += 1
        elif body[index] in "?+":
            result += body[index]
            index += 1
        elif body[index] == "[":
            end = body.index("]", index + 1)
            members = body[index + 1 : end]
            result += f"[{_escaped_members(members)}]"
            index = end + 1
        else:
            index += body[index] == "\\"
            result += re.escape(body[index])
            index += 1
    return re.compile(result, re.DOTALL)


def _is_plain(body: str, index: int) -> bool:
    """Whether the slash at an index is a slash of its own, and not escaped or quantified away."""
    return not (index and body[index - 1] == "\\")


def _escaped_members(members: str) -> str:
    result = ""
    index = 0
    while index < len(members):
        if members[index + 1 : index + 2] == "-" and index + 2 < len(members):
            result += f"{re.escape(members[index])}-{re.escape(members[index + 2])}"
            index += 3
        else:
            result += re.escape(members[index])
            index += 1
    return result


@given(patterns, texts)
def test_a_pattern_matches_what_its_regular_expression_matches(pattern: str, text: str) -> None:
    try:
        glob = compile_glob(pattern)
    except GlobError:
        return
    assert glob.matches(text) == bool(translated(pattern).fullmatch(text))


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_text_is_a_pattern_or_a_placed_error(pattern: str, text: str) -> None:
    try:
        compile_glob(pattern).matches(text)
    except GlobError as error:
        offset = error.offset
    else:
        offset = 0
    assert 0 <= offset <= len(pattern)
