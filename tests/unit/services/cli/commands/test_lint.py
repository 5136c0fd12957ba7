"""`firebreak lint` on real files: what it finds, prints and exits with."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from services.cli.commands.lint import command
from tests.unit.libs.workflow.workflows import minimal, with_step

broken = with_step("rum: x")
doubtful = with_step("run: ${{ steps.x.outputs.y }}")


def lint(*arguments: str) -> Result:
    """`standalone_mode=False` as `firebreak` calls it; the command's value is the exit code."""
    return CliRunner().invoke(command, arguments, standalone_mode=False)


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_sound_file_is_silent_and_exits_with_0(tmp_path: Path) -> None:
    result = lint(str(write(tmp_path / "w.yml", minimal)))

    assert (result.return_value, result.stdout) == (0, "")
    assert "1 workflow: 0 errors, 0 warnings." in result.stderr


def test_an_error_is_printed_with_its_place_and_exits_with_2(tmp_path: Path) -> None:
    file = write(tmp_path / "w.yml", broken)

    result = lint(str(file))

    assert result.return_value == 2
    assert result.stdout == f"{file}:6:9: unknown key `rum` in a step; did you mean `run`?\n"


def test_warnings_do_not_change_the_exit_code(tmp_path: Path) -> None:
    result = lint(str(write(tmp_path / "w.yml", doubtful)))

    assert result.return_value == 0
    assert ":6:18: warning: " in result.stdout


def test_all_workflows_of_a_directory_are_read_in_one_go(tmp_path: Path) -> None:
    folder = tmp_path / ".github" / "workflows"
    for name in ("b.yaml", "a.yml"):
        write(folder / name, broken)
    write(folder / "c.yml", minimal)
    write(folder / "notes.txt", broken)
    write(folder / "sub" / "d.yml", broken)
    write(tmp_path / "compose.yml", "services: {}\n")

    result = lint(str(tmp_path))

    assert result.return_value == 2
    assert [line.split(":")[0] for line in result.stdout.splitlines()] == [
        str(folder / "a.yml"),
        str(folder / "b.yaml"),
    ]
    assert "3 workflows: 2 errors, 0 warnings." in result.stderr


def test_file_names_are_relative_as_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "p" / ".github" / "workflows" / "a.yml", broken)
    monkeypatch.chdir(tmp_path)

    assert lint("p").stdout.startswith("p/.github/workflows/a.yml:6:9: ")
    monkeypatch.chdir(tmp_path / "p")
    assert lint().stdout.startswith(".github/workflows/a.yml:6:9: ")
    assert lint(".").stdout.startswith(".github/workflows/a.yml:6:9: ")
    assert lint(".github").stdout.startswith(".github/workflows/a.yml:6:9: ")


def test_a_directory_of_yaml_files_is_linted_itself(tmp_path: Path) -> None:
    write(tmp_path / "a.yml", broken)

    assert lint(str(tmp_path)).return_value == 2


def test_json_is_a_list_of_problems(tmp_path: Path) -> None:
    file = write(tmp_path / "w.yml", broken)

    result = lint("--json", str(file))

    assert result.return_value == 2
    assert json.loads(result.stdout) == [
        {
            "file": str(file),
            "line": 6,
            "column": 9,
            "message": "unknown key `rum` in a step; did you mean `run`?",
            "severity": "error",
            "key_path": "jobs.a.steps[0].rum",
        }
    ]


def test_json_of_no_problems_is_an_empty_list(tmp_path: Path) -> None:
    assert json.loads(lint("--json", str(write(tmp_path / "w.yml", minimal))).stdout) == []


def test_nothing_to_lint_is_said_and_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    for result in (lint(), lint(str(tmp_path))):
        assert (result.return_value, result.stdout) == (0, "")
        assert "nothing to check" in result.stderr


def test_a_missing_path_is_a_usage_error(tmp_path: Path) -> None:
    result = CliRunner().invoke(command, [str(tmp_path / "nope")])

    assert result.exit_code == 2
    assert "does not exist" in result.stderr


def test_a_file_that_cannot_be_read_is_an_error_beside_the_others(tmp_path: Path) -> None:
    folder = tmp_path / ".github" / "workflows"
    write(folder / "a.yml", minimal)
    (folder / "b.yml").write_bytes(b"\xff\xfe")

    result = lint(str(tmp_path))

    assert result.return_value == 2
    assert f"{folder / 'b.yml'}:1:1: the byte 0xFF is not valid UTF-8" in result.stdout


@pytest.mark.row("actions: action.yml")
def test_an_action_is_read_as_an_action_and_beside_the_workflow_that_uses_it(tmp_path: Path) -> None:
    action = write(tmp_path / "act" / "action.yml", "inputs: {a: {}}\nruns: {using: node20, man: x.js}\n")
    flow = write(tmp_path / ".github" / "workflows" / "action.yml", with_step("uses: ./act"))

    result = lint(str(action))
    assert result.return_value == 2
    assert f"{action}:2:23: unknown key `man`" in result.stdout

    result = lint(str(flow))
    assert result.return_value == 2
    assert "`uses: ./act`: the action has errors, the first of them: act/action.yml:2:7: " in result.stdout


def test_what_a_repository_opts_into_is_checked_beside_its_workflows(tmp_path: Path) -> None:
    write(tmp_path / ".github" / "workflows" / "c.yml", minimal)
    file = write(tmp_path / ".github" / "firebreak.yml", "timeouts: now\n")

    for path in (tmp_path, file.parent, file):
        result = lint(str(path))

        assert result.return_value == 2
        assert result.stdout == f"{file}:1:11: `timeouts` must be one of shadow, apply, not the string 'now'\n"


def test_what_a_file_says_moves_no_cursor_and_writes_no_line_of_ours(tmp_path: Path) -> None:
    hostile = minimal + '"\\e[2Jx\\u202e\\n.github/workflows/w.yml: fine": 1\n'

    result = lint(str(write(tmp_path / "w.yml", hostile)))

    assert len(result.stdout.splitlines()) == 1
    assert not {"\x1b", "\u202e"} & set(result.stdout)
