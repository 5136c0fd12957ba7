"""A patch of a proposal: git takes it, the file stays valid, and a file that changed is seen."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from libs.contracts.model import ProposalMade, ProposalPlace, ProposedStep
from libs.workflow.patching import NotPatched
from services.cli.patches import diff, patched

PATH = ".github/workflows/ci.yml"
FILE = """\
on: push
jobs:
  build:
    runs-on: [weird]   # only we have it
    steps:
      - uses: actions/checkout@v4
      # what nobody knows
      - uses: nobody/knows@v1
        id: made
        with: {x: y}

      - run: echo ${{ steps.made.outputs.x }}
"""
PLACE = ProposalPlace(PATH, "a" * 40, "build", 1)
MADE = ProposalMade("a" * 64, "uses", "nobody/knows@v1", (PLACE,), (ProposedStep("Do it", "make it"),), "m")


def test_git_applies_it(tmp_path: Path) -> None:
    for text in (FILE, FILE.rstrip("\n"), FILE.replace("\n", "\r\n")):
        file = tmp_path / PATH
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, newline="")
        after = patched(text, MADE, PLACE)
        patch = diff(PATH, text, after)
        subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
        subprocess.run(["git", "apply", "-"], cwd=tmp_path, input=patch.encode(), check=True)
        assert file.read_bytes() == after.encode()
        assert "uses: nobody" not in after
        assert after.count("# what nobody knows") == 1


def test_lines_that_stay_keep_their_ends() -> None:
    """An editor on Windows wrote some of them, and a patch that changes every line is read by nobody."""
    first, rest = FILE.split("\n", 1)
    for text in (f"{first}\r\n{rest}", FILE.replace("\n", "\r\n", 11), FILE.replace("\n", "\r\n") + "# end\n"):
        removed = [line for line in diff(PATH, text, patched(text, MADE, PLACE)).splitlines() if line.startswith("-")]
        assert [line[1:].strip() for line in removed[1:]] == [
            "- uses: nobody/knows@v1",
            "with: {x: y}",
        ]


def test_an_action_that_moved_is_found_and_one_that_is_gone_is_not() -> None:
    moved = FILE.replace("      - uses: actions/checkout@v4\n", "")
    assert "make it" in patched(moved, MADE, PLACE)
    with pytest.raises(NotPatched, match="has no step that uses nobody/knows@v1 any more"):
        patched(FILE.replace("nobody/knows@v1", "nobody/knows@v2"), MADE, PLACE)
    with pytest.raises(NotPatched, match="no job build any more"):
        patched(FILE.replace("build:", "other:"), MADE, PLACE)
    twice = FILE + "      - uses: nobody/knows@v1\n"
    assert patched(twice, MADE, PLACE).count("nobody/knows@v1") == 1


def test_a_label() -> None:
    made = ProposalMade("a" * 64, "runs-on", "weird", (PLACE,), (), "m", runs_on="ubuntu-latest")
    assert "    runs-on: ubuntu-latest   # only we have it\n" in patched(FILE, made, PLACE)


def test_a_key_that_was_refused() -> None:
    broken = FILE.replace("with: {x: y}", "wiht: {x: y}")
    place = ProposalPlace(PATH, "a" * 40, line=10)
    made = ProposalMade("a" * 64, "rejected", "unknown key", (place,), (ProposedStep("Do it", "make it"),), "m")
    assert "make it" in patched(broken, made, place)
    with pytest.raises(NotPatched, match="line 1 is of no step"):
        patched(broken, made, ProposalPlace(PATH, "a" * 40, line=1))


def test_what_would_break_the_file_is_refused() -> None:
    steps = (ProposedStep("Do it", "echo ${{ nonsense. }}"),)
    made = ProposalMade("a" * 64, "uses", "nobody/knows@v1", (PLACE,), steps, "m")
    with pytest.raises(NotPatched, match="would have an error"):
        patched(FILE, made, PLACE)
