"""A workflow's text with shell steps in the place of one step: only those lines change, and it stays valid."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from libs.workflow.lint import lint
from libs.workflow.patching import NotPatched, ShellStep, step_at, with_runs_on, with_steps

HEAD = "on: push  # always\njobs:\n  build:\n    runs-on: ubuntu-latest\n    steps:\n"
NEW = (ShellStep("Install", "curl -fsS x | tar x\n./install"), ShellStep("Use: it", "  odd indentation"))
STEPS = [
    "      - uses: a/b@v1\n",
    "      - uses: a/b@v1\n        with: {x: y}\n",
    "      - name: Old name\n        id: made  # keep\n        if: ${{ always() }}\n        uses: a/b@v1\n",
    "      - if: >-\n          always() &&\n          true\n        uses: a/b@v1\n"
    "        env:\n          A: '1'\n          B: 'x # y' # why\n",
    "      - uses: a/b@v1\n        with:\n          script: |\n            one\n\n            two\n",
    "      -   uses: a/b@v1\n          timeout-minutes: 3\n          continue-on-error: true\n",
    "      - {uses: a/b@v1, id: x, timeout-minutes: 3}\n",
    "      - uses: a/b@v1\n        env: {A: 1, B: '2'}\n        working-directory: sub\n",
]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(
    "before", ["", "      # first\n      - run: |\n          echo before\n\n", "      - run: x # y\n"]
)
@pytest.mark.parametrize("after", ["", "\n      # about the next\n      - run: echo after\n", "  # the end\n"])
def test_only_the_lines_of_the_step_change(before: str, step: str, after: str) -> None:
    text = HEAD + before + step + after
    at = 1 if before else 0
    patched = with_steps(text, "build", at, NEW)
    assert patched.startswith(HEAD + before)
    assert patched.endswith(after)
    assert not [problem for problem in lint("w.yml", patched.encode()) if problem.severity == "error"]
    old, new = yaml.safe_load(text)["jobs"]["build"]["steps"], yaml.safe_load(patched)["jobs"]["build"]["steps"]
    assert new[:at] == old[:at]
    assert new[at + 2 :] == old[at + 1 :]
    replaced, first, second = old[at], new[at], new[at + 1]
    assert (first["name"], first["run"]) == ("Install", "curl -fsS x | tar x\n./install\n")
    assert (second["name"], second["run"]) == ("Use: it", "  odd indentation")
    for key in ("if", "env", "timeout-minutes", "continue-on-error", "working-directory"):
        assert first.get(key) == second.get(key) == replaced.get(key)
    assert "id" not in first
    assert second.get("id") == replaced.get("id")


SCRIPTS = st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn", "Zl", "Zp"], exclude_characters="\ufeff")).filter(
    str.strip
)


@example("0", [" \U00010000"])
@given(SCRIPTS, st.lists(SCRIPTS, min_size=1, max_size=5))
def test_whatever_a_script_holds_it_stays_a_script(name: str, lines: list[str]) -> None:
    script = "\n".join(lines)
    patched = with_steps(HEAD + STEPS[2], "build", 0, (ShellStep(name, script),))
    (step,) = yaml.safe_load(patched)["jobs"]["build"]["steps"]
    assert set(step) == {"name", "id", "if", "run", "shell"}
    assert step["name"] == name
    assert [line.rstrip() for line in step["run"].split("\n")][: len(lines)] == [
        line.rstrip() for line in script.strip("\n").split("\n")
    ]


@pytest.mark.parametrize(
    ("text", "step", "why"),
    [
        (HEAD + STEPS[0], 1, "has no step 2"),
        ("on: push\njobs: {build: {runs-on: x, steps: [{uses: a/b@v1}, {run: x}]}}\n", 0, "begin its line with a dash"),
        (HEAD + "      - {uses: a/b@v1,\n        id: x}\n", 0, "in braces over several lines"),
        (HEAD + "      -\n        uses: a/b@v1\n", 0, "begin its line with a dash"),
        ("on: push\n", 0, "no jobs"),
        ("[]", 0, "no YAML mapping"),
        ("on: push\njobs: {other: {}}\n", 0, "no job build"),
        ("on: push\njobs:\n  build:\n    steps: nothing\n", 0, "no list of steps"),
        ("a: [", 0, "no YAML mapping"),
    ],
)
def test_what_is_not_certain_is_refused(text: str, step: int, why: str) -> None:
    with pytest.raises(NotPatched, match=why):
        with_steps(text, "build", step, NEW)


@pytest.mark.parametrize(
    "asked",
    [
        "weird",
        "[self-hosted, weird]",
        "[weird]  # why",
        "'weird'",
        "\n      - self-hosted\n      - weird",
        "\n    - weird",
    ],
)
def test_another_label(asked: str) -> None:
    text = f"on: push\njobs:\n  build:\n    runs-on: {asked}\n    steps: [{{run: x}}]  # rest\n"
    patched = with_runs_on(text, "build", "ubuntu-latest")
    assert yaml.safe_load(patched)["jobs"]["build"] == {"runs-on": "ubuntu-latest", "steps": [{"run": "x"}]}
    assert patched.endswith("    steps: [{run: x}]  # rest\n")
    assert ("# why" in patched) == ("# why" in text)


def test_a_group_of_hosts_is_left_to_a_person() -> None:
    text = "on: push\njobs:\n  build:\n    runs-on: {group: big}\n    steps: [{run: x}]\n"
    with pytest.raises(NotPatched, match="asks for a group"):
        with_runs_on(text, "build", "x")


def test_the_step_of_a_line() -> None:
    text = HEAD + STEPS[4] + "      - run: x\n  other:\n    runs-on: x\n    steps:\n      - run: y\n"
    assert [step_at(text, line) for line in (5, 6, 11, 12, 13, 16)] == [
        None,
        ("build", 0),
        ("build", 0),
        ("build", 1),
        None,
        ("other", 0),
    ]
