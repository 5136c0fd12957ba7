"""What is sure to fail is found without values, and nothing else is."""

import pytest

from libs.workflow.expressions import foreseen_errors, parse

certain = [
    ("format('{0}')", 1, "references more arguments than were supplied: {0}"),
    ("1 && format('{', 2)", 6, "The following format string is invalid: {"),
    ("fromJSON('nope')", 1, "Error parsing JSON"),
    ("toJSON(fromJSON(''))", 8, "empty"),
    ("1 && hashFiles('--other', 'a')", 6, "no other option"),
    ("case('true', 1, 2)", 1, "must evaluate to a boolean value"),
    ("case(null, 1, 2)", 1, "must evaluate to a boolean value"),
]
possible = [
    "format('{0}', 1)",
    "format(github.a, 1)",
    "fromJSON('{}')",
    "fromJSON(github.a)",
    "hashFiles('--follow-symbolic-links', 'a')",
    "hashFiles(github.a)",
    "case(true, 1, 2)",
    "case(github.a, 1, 2)",
    "contains('{', 'a')",
    "1",
]


@pytest.mark.parametrize(("text", "column", "words"), certain, ids=[text for text, _, _ in certain])
def test_certain_errors_are_foreseen(text: str, column: int, words: str) -> None:
    [error] = foreseen_errors(parse(text))
    assert (error.kind, error.column) == ("evaluation", column)
    assert words in error.reason


@pytest.mark.parametrize("text", possible)
def test_nothing_else_is_foreseen(text: str) -> None:
    assert foreseen_errors(parse(text)) == ()
