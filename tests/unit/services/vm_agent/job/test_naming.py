"""What steps are called."""

from __future__ import annotations

import pytest

from libs.contracts.plan import PlannedStep
from services.vm_agent.job.naming import NAME_CHARACTERS, action_names, display_template, first_line, shortened


def run(script: str, **fields: object) -> PlannedStep:
    return PlannedStep(index=0, line=1, run=script, **fields)  # type: ignore[arg-type]


def uses(name: str) -> PlannedStep:
    return PlannedStep(index=0, line=1, uses=name)


@pytest.mark.parametrize(
    ("script", "expected"),
    [("echo a", "echo a"), ("\n\n  echo a\necho b", "echo a"), ("echo a\r\necho b", "echo a"), ("", ""), ("\n", "")],
)
def test_the_first_line(script: str, expected: str) -> None:
    assert first_line(script) == expected


def test_names_by_default_and_given() -> None:
    assert display_template(run("make\nmake test")) == "Run make"
    assert display_template(uses("actions/checkout@v4")) == "Run actions/checkout@v4"
    assert display_template(run("make", name="Build ${{ matrix.x }}")) == "Build ${{ matrix.x }}"


def test_names_are_one_short_line() -> None:
    assert shortened("a\n b\tc") == "a b c"
    assert len(shortened("x" * 1000)) == NAME_CHARACTERS
    assert shortened(" ") == "Run"


def test_actions_are_counted_as_on_github() -> None:
    steps = (
        run("a"),
        run("b", id="mine"),
        run("c"),
        uses("actions/checkout@v4"),
        uses("actions/checkout@v3"),
        run("d"),
    )
    assert action_names(steps) == ["__run", "mine", "__run_2", "__actions_checkout", "__actions_checkout_2", "__run_3"]
