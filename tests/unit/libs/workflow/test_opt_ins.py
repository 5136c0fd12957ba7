"""`.github/firebreak.yml`: what it may say, and what is said of one that says something else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.opt_ins import OptIns
from libs.workflow.opt_ins import opt_ins_file, read_opt_ins

WHOLE = "timeouts: apply\nretry-flaky: 2\nmodel:\n  forks: true\n"


def read(text: str) -> tuple[OptIns, list[str]]:
    reading = read_opt_ins(opt_ins_file, text.encode())
    return reading.opt_ins, [problem.render().removeprefix(".github/firebreak.yml:") for problem in reading.problems]


@pytest.mark.parametrize(
    ("text", "opt_ins"),
    [
        (WHOLE, OptIns("apply", 2, True)),
        ("timeouts: shadow\nretry-flaky: 0\nmodel: {forks: no-such}".replace("no-such", "false"), OptIns()),
        ("retry-flaky: 3", OptIns(retry_flaky=3)),
        ("{}", OptIns()),
        ("model: {}", OptIns()),
        ("timeouts: 'apply' # quoted", OptIns("apply")),
    ],
)
def test_what_is_written_is_opted_into(text: str, opt_ins: OptIns) -> None:
    assert read(text) == (opt_ins, [])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "timeouts: aply",
            "1:11: `timeouts` must be one of shadow, apply, not the string 'aply'; did you mean `apply`?",
        ),
        ("timeouts: true", "1:11: `timeouts` must be one of shadow, apply, not the boolean true"),
        ("timeouts: [apply]", "1:11: `timeouts` must be a single value, not a list"),
        ("retry-flaky: 4", "1:14: `retry-flaky` must be a whole number from 0 to 3, not the number 4"),
        ("retry-flaky: -1", "1:14: `retry-flaky` must be a whole number from 0 to 3, not the number -1"),
        ("retry-flaky: 1.5", "1:14: `retry-flaky` must be a whole number from 0 to 3, not the number 1.5"),
        ("retry-flaky: '1'", "1:14: `retry-flaky` must be a whole number from 0 to 3, not the string '1'"),
        ("retry-flaky: true", "1:14: `retry-flaky` must be a whole number from 0 to 3, not the boolean true"),
        ("retry-flaky:", "1:13: `retry-flaky` must be a whole number from 0 to 3, not nothing"),
        ("retries: 1", "1:1: unknown key `retries` in Firebreak's file"),
        ("model:\n  fork: true", "2:3: unknown key `fork` in `model`; did you mean `forks`?"),
        ("model:\n  forks: 1", "2:10: `forks` must be true or false, not the number 1"),
        ("model: apply", "1:8: `model` must be a mapping, not the string 'apply'"),
        ("- timeouts", "1:1: Firebreak's file must be a mapping, not a list"),
        ("timeouts: apply\ntimeouts: shadow", "2:1: the key `timeouts` is already defined on line 1"),
        ("timeouts: ${{ vars.MODE }}", "1:11: "),
        ("a: [", "2:1: not valid YAML"),
        ("", "1:1: the file is empty"),
    ],
)
def test_what_is_wrong_has_its_place_and_opts_into_nothing(text: str, problem: str) -> None:
    opt_ins, problems = read(text)
    assert opt_ins == OptIns()
    assert any(each.startswith(problem) for each in problems), problems


def test_one_mistake_opts_into_nothing_of_the_rest() -> None:
    opt_ins, problems = read(WHOLE + "typo: 1\n")
    assert (opt_ins, len(problems)) == (OptIns(), 1)


@given(
    st.binary(max_size=300)
    | st.text(alphabet="timeouts:retry-flaky modelforks\n{}[]&*!#'\"012", max_size=80).map(str.encode)
)
def test_whatever_the_bytes_an_opt_in_has_no_problem_beside_it(content: bytes) -> None:
    reading = read_opt_ins(opt_ins_file, content)
    assert 0 <= reading.opt_ins.retry_flaky <= 3
    assert reading.opt_ins == OptIns() or not any(each.severity == "error" for each in reading.problems)
