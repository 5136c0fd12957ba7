"""Files of problem matchers: what is read, and what is refused in the runner's words."""

import json
import re

import pytest

from libs.workflow.runner.matchers.configuration import BadMatchers, Matcher, Pattern, checked, read_matchers
from libs.workflow.runner.matchers.matching import JobMatching

pytestmark = pytest.mark.row("runner: problem matchers")


def file(*matchers: object) -> str:
    return json.dumps({"problemMatcher": list(matchers)})


def matcher(*patterns: dict[str, object], **fields: object) -> dict[str, object]:
    return {"owner": "o", "pattern": list(patterns), **fields}


MESSAGE: dict[str, object] = {"regexp": "(.*)", "message": 1}


def test_what_is_read() -> None:
    pattern = {"regexp": "^(.+):(\\d+)$", "file": 1, "line": 2, "message": 0, "fromPath": 1, "loop": False, "kind": "x"}
    text = file(matcher(pattern, severity="warning", fromPath="a/b.csproj", applyTo="all"))
    assert read_matchers(text) == (
        Matcher(
            "o",
            (Pattern("^(.+):(\\d+)$", file=1, line=2, message=0, from_path=1),),
            severity="warning",
            from_path="a/b.csproj",
        ),
    )


LENIENT = {
    "nothing": "",
    "null": "null",
    "no matchers": "{}",
    "an empty list": '{"problemMatcher": []}',
    "null matchers": '{"problemMatcher": null}',
    "a list": "[]",
}


@pytest.mark.parametrize("name", LENIENT)
def test_no_matchers_are_no_error(name: str) -> None:
    assert checked(read_matchers(LENIENT[name])) == ()


@pytest.mark.parametrize(
    "text",
    [
        '\ufeff{"problemMatcher": [{"owner": "o", "pattern": [{"regexp": "x//y", "message": 0}]}]}',
        '{"problemMatcher": [{"owner": "o", "pattern": [{"regexp": "x//y", "message": 0,},],},],}',
        '// a\n{"problemMatcher": /* b */ [{"owner": "o", "pattern": [{"regexp": "x//y", "message": 0}]}]}',
        '{"PROBLEMMATCHER": [{"Owner": "o", "pattern": [{"regExp": "x//y", "Message": "0"}]}]}',
    ],
)
def test_what_the_runners_reader_lets_pass(text: str) -> None:
    assert read_matchers(text) == (Matcher("o", (Pattern("x//y", message=0),)),)


REFUSED: dict[str, tuple[str, str]] = {
    "no JSON": ("{", "The file is no JSON"),
    "matchers are no list": ('{"problemMatcher": {}}', "'problemMatcher' must be a list"),
    "a matcher is no object": (file("x"), "An object with 'pattern' was expected"),
    "a pattern is no list": (file({"owner": "o", "pattern": {"regexp": "x"}}), "'pattern' must be a list"),
    "a group is a word": (file(matcher({"regexp": "x", "message": "one"})), "'message' must be the number of a group"),
    "no owner": (file({"pattern": [MESSAGE]}), "Owner must not be empty"),
    "a severity": (file(matcher(MESSAGE, severity="fatal")), "contains unexpected default severity 'fatal'"),
    "no pattern": (file(matcher()), "Matcher 'o' does not contain any patterns"),
    "loop alone": (file(matcher({**MESSAGE, "loop": True})), "Only the last pattern in a multiline matcher"),
    "loop first": (
        file(matcher({"regexp": "(x)", "message": 1, "loop": True}, {"regexp": "y"})),
        "Only the last pattern in a multiline matcher may set 'loop'",
    ),
    "loop without message": (
        file(matcher(MESSAGE, {"regexp": "y", "loop": True})),
        "The loop pattern must set 'message'",
    ),
    "twice": (
        file(matcher({"regexp": "(x)", "file": 1, "message": 1}, {"regexp": "(y)", "file": 1})),
        "The property 'file' is set twice",
    ),
    "twice fromPath": (
        file(matcher({"regexp": "(x)", "fromPath": 1, "message": 1}, {"regexp": "(y)", "fromPath": 1})),
        "The property 'fromPath' is set twice",
    ),
    "no message": (file(matcher({"regexp": "(x)", "file": 1})), "At least one pattern must set 'message'"),
    "a group out of range": (
        file(matcher({"regexp": "(x)", "message": 2})),
        "The property 'message' is set to 2 which is out of range",
    ),
    "a group below zero": (
        file(matcher({"regexp": "(x)", "message": -1})),
        "The property 'message' is set to -1 which is out of range",
    ),
    "an owner twice": (file(matcher(MESSAGE), matcher(MESSAGE, owner="O")), "Duplicate owner name 'O'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str) -> None:
    text, words = REFUSED[name]
    with pytest.raises(BadMatchers, match=re.escape(words)):
        JobMatching().add(text)
