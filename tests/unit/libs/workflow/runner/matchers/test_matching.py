"""Matchers over lines: single, of several lines, in a loop; which comes first, and what makes others forget."""

import json

import pytest

from libs.workflow.runner.matchers.finding import Finding, is_problem, level_of, path_of, without_colours
from libs.workflow.runner.matchers.matching import JobMatching, PatternRefused, StepMatching

pytestmark = pytest.mark.row("runner: problem matchers")

GCC = {
    "owner": "gcc",
    "pattern": [
        {
            "regexp": r"^(.+?):(\d+):(\d+): (error|warning|note): (.*?)(?: \[(-W.*)\])?$",
            "file": 1,
            "line": 2,
            "column": 3,
            "severity": 4,
            "message": 5,
            "code": 6,
        }
    ],
}
TWO = {
    "owner": "two",
    "pattern": [
        {"regexp": r"^File (\S+):(\d+)$", "file": 1, "line": 2},
        {"regexp": r"^  (\w+Error: .*)$", "message": 1},
    ],
}
LOOP = {
    "owner": "loop",
    "pattern": [
        {"regexp": r"^(/\S+)$", "file": 1},
        {
            "regexp": r"^\s+(\d+):(\d+)\s+(error|warning)\s+(.*)$",
            "line": 1,
            "column": 2,
            "severity": 3,
            "message": 4,
            "loop": True,
        },
    ],
}
THREE = {
    "owner": "three",
    "severity": "warning",
    "pattern": [
        {"regexp": "^a(.*)$", "file": 1},
        {"regexp": "^b(.*)$", "code": 1},
        {"regexp": "^c(.*)$", "message": 1},
    ],
}


def job(*matchers: dict[str, object]) -> JobMatching:
    matching = JobMatching()
    matching.add(json.dumps({"problemMatcher": matchers}))
    return matching


def found(step: StepMatching, *lines: str) -> list[tuple[int, Finding]]:
    return [(place, one) for place, line in enumerate(lines) for one in step.match(line) if isinstance(one, Finding)]


def said(step: StepMatching, *lines: str) -> list[tuple[int, str | None]]:
    return [(place, one.message) for place, one in found(step, *lines)]


def test_one_line() -> None:
    assert found(job(GCC).step(1), "x", "a.c:3:7: warning: unused [-Wunused]", "a.c:3: nothing") == [
        (1, Finding("a.c", "3", "7", "warning", "-Wunused", "unused")),
    ]


def test_a_group_that_took_no_part_is_empty() -> None:
    assert found(job(GCC).step(1), "a.c:3:7: error: bad")[0][1].code == ""


def test_a_severity_that_is_none_makes_no_problem() -> None:
    assert found(job(GCC).step(1), "a.c:3:7: note: look") == []


def test_two_lines() -> None:
    assert found(job(TWO).step(1), "File a.py:3", "  ValueError: no", "  ValueError: again") == [
        (1, Finding(file="a.py", line="3", message="ValueError: no")),
    ]


def test_a_line_between_breaks_a_problem_of_two_lines() -> None:
    assert said(job(TWO).step(1), "File a.py:3", "x", "  ValueError: no") == []


def test_the_first_line_again_begins_anew() -> None:
    assert found(job(TWO).step(1), "File a.py:3", "File b.py:4", "  ValueError: no")[0][1].file == "b.py"


def test_a_loop_gives_a_problem_a_line() -> None:
    step = job(LOOP).step(1)
    problems = found(step, "/a.js", "  1:2  error  one", "  3:4  warning  two", "", "  5:6  error  three")
    assert [(place, one.file, one.line, one.message) for place, one in problems] == [
        (1, "/a.js", "1", "one"),
        (2, "/a.js", "3", "two"),
    ]


def test_three_lines_and_a_default_severity() -> None:
    problems = found(job(THREE).step(1), "a1", "b2", "c3", "c4", "a1", "c3", "b2", "c3")
    assert problems == [(2, Finding(file="1", code="2", message="3", severity="warning"))]


def test_an_empty_message_is_no_problem() -> None:
    assert said(job(THREE).step(1), "a1", "b2", "c  ") == []


def test_the_newest_is_asked_first_and_one_problem_a_line() -> None:
    matching = job({"owner": "old", "pattern": [{"regexp": "x(.)", "message": 0}]})
    matching.add(json.dumps({"problemMatcher": [{"owner": "new", "pattern": [{"regexp": "x(.)", "message": 1}]}]}))
    assert said(matching.step(1), "xy") == [(0, "y")]


def test_what_makes_no_problem_leaves_the_line_to_the_next() -> None:
    matching = job({"owner": "old", "pattern": [{"regexp": "x(.)", "message": 0}]})
    other = {"owner": "new", "pattern": [{"regexp": "(x)(y)", "message": 1, "severity": 2}]}
    matching.add(json.dumps({"problemMatcher": [other]}))
    assert said(matching.step(1), "xy") == [(0, "xy")]


def test_a_problem_makes_the_others_forget() -> None:
    matching = job(TWO)
    matching.add(json.dumps({"problemMatcher": [{"owner": "x", "pattern": [{"regexp": "^!(.*)", "message": 1}]}]}))
    assert said(matching.step(1), "File a.py:3", "!stop", "  ValueError: no") == [(1, "stop")]


def test_an_owner_is_replaced_whatever_its_case() -> None:
    matching = job({"owner": "One", "pattern": [{"regexp": "x", "message": 0}]})
    matching.add(json.dumps({"problemMatcher": [{"owner": "oNE", "pattern": [{"regexp": "y", "message": 0}]}]}))
    assert said(matching.step(1), "x", "y") == [(1, "y")]


def test_an_owner_is_removed_from_the_steps_that_run_too() -> None:
    matching = job(GCC, TWO)
    step = matching.step(1)
    assert matching.remove(["GCC", "unknown"]) == ["gcc"]
    assert said(step, "a.c:3:7: error: bad", "File a.py:3", "  ValueError: no") == [(2, "ValueError: no")]
    assert said(matching.step(2), "a.c:3:7: error: bad") == []


def test_what_a_step_has_begun_is_its_own() -> None:
    matching = job(TWO)
    assert said(matching.step(1), "File a.py:3") == []
    assert said(matching.step(2), "  ValueError: no") == []
    assert said(matching.step(1), "  ValueError: no") == [(0, "ValueError: no")]
    matching.end(1)
    assert said(matching.step(1), "  ValueError: no") == []


def test_a_pattern_that_cannot_be_run_adds_none_of_its_file() -> None:
    matching = JobMatching()
    with pytest.raises(PatternRefused, match="Matcher 'two': the pattern"):
        matching.add(json.dumps({"problemMatcher": [GCC, {**TWO, "pattern": [{"regexp": "(?<=a+)", "message": 0}]}]}))
    assert said(matching.step(1), "a.c:3:7: error: bad") == []


def test_matchers_of_a_job_are_bounded() -> None:
    many = [{"owner": f"o{number}", "pattern": [{"regexp": "x", "message": 0}]} for number in range(101)]
    with pytest.raises(PatternRefused, match="101 problem matchers"):
        job(*many)


@pytest.mark.parametrize(
    ("severity", "level"),
    [(None, "error"), ("", "error"), ("ERROR", "error"), ("Warning", "warning"), ("notice", "notice"), ("info", None)],
)
def test_levels(severity: str | None, level: str | None) -> None:
    finding = Finding(severity=severity, message="m")
    assert level_of(finding) == level
    assert is_problem(finding) is (level is not None)


@pytest.mark.parametrize(
    ("file", "from_path", "path"),
    [
        ("a/b.c", None, "/w/a/b.c"),
        ("./a/../b.c", None, "/w/b.c"),
        ("/x/b.c", None, "/x/b.c"),
        ("/w/b.c", "p/q.csproj", "/w/b.c"),
        ("b.c", "p/q.csproj", "/w/p/b.c"),
        ("b.c", "/w/p/q.csproj", "/w/p/b.c"),
        ("b.c", "q.csproj", "/w/b.c"),
        ("../../x", None, "/x"),
        ("", "p/q", ""),
        ("  ", None, ""),
        (None, None, ""),
    ],
)
def test_where_a_file_lies(file: str | None, from_path: str | None, path: str) -> None:
    assert path_of(Finding(file=file, from_path=from_path), "/w") == path


def test_colours_are_no_part_of_a_line() -> None:
    assert without_colours("\x1b[31;1merror\x1b[0m: x\x1b[K") == "error: xK"
