"""`firebreak propose` on real directories, without a model: what it prints, writes, refuses and exits with."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from services.cli.commands.lint import command as lint_command
from services.cli.commands.propose import command

TRAVIS = "script: make test\nservices: [redis]\n"


@pytest.fixture(autouse=True)
def no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USE_LLM_PARSER", "false")


def propose(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments, standalone_mode=False)


def refusal(*arguments: str) -> tuple[int, str]:
    error = propose(*arguments).exception
    assert isinstance(error, click.ClickException), error
    return error.exit_code, error.message


def test_the_draft_is_on_standard_output_and_valid(tmp_path: Path) -> None:
    (tmp_path / ".travis.yml").write_text(TRAVIS)
    result = propose(str(tmp_path), "--no-model")
    assert result.return_value == 0
    assert "run: make test\n" in result.stdout
    assert "# - line 2: `services`" in result.stdout
    assert "A draft from .travis.yml: 1 steps; 1 gaps. It is valid." in result.stderr
    assert list(tmp_path.iterdir()) == [tmp_path / ".travis.yml"], "nothing is written"


def test_it_writes_a_new_file_that_lint_takes_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text("test:\n\ttrue\n")
    file = tmp_path / ".github" / "workflows" / "ci.yml"
    assert propose(str(tmp_path), "--no-model", "-o", str(file)).return_value == 0
    assert CliRunner().invoke(lint_command, [str(tmp_path)], standalone_mode=False).return_value == 0
    code, message = refusal(str(tmp_path), "--no-model")
    assert (code, "holds workflows already" in message) == (2, True)
    shutil.move(file, tmp_path / "ci.yml")
    code, message = refusal(str(tmp_path), "--no-model", "-o", str(tmp_path / "ci.yml"))
    assert (code, "is not overwritten" in message) == (2, True)


def test_as_json(tmp_path: Path) -> None:
    (tmp_path / ".travis.yml").write_text(TRAVIS)
    said = json.loads(propose(str(tmp_path), "--no-model", "--json").stdout)
    assert (said["source"], said["model"], said["problems"]) == (".travis.yml", "", [])
    assert said["gaps"] == [{"text": "`services`", "line": 2}]
    assert said["workflow"].startswith("# A draft by `firebreak propose` from .travis.yml.")


def test_the_file_to_draft_from_can_be_named(tmp_path: Path) -> None:
    (tmp_path / ".travis.yml").write_text(TRAVIS)
    (tmp_path / "Makefile").write_text("lint:\n\ttrue\n")
    assert "make lint" in propose(str(tmp_path), "--no-model", "--from", "Makefile").stdout
    assert refusal(str(tmp_path), "--no-model", "--from", "Jenkinsfile")[0] == 2
    assert refusal(str(tmp_path), "--no-model", "--from", "../x")[0] == 2


def test_without_a_model_it_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / ".travis.yml").write_text(TRAVIS)
    code, message = refusal(str(tmp_path))
    assert code == 2
    assert "USE_LLM_PARSER=true" in message
    assert "--no-model" in message


def test_there_is_nothing_to_draft_from(tmp_path: Path) -> None:
    code, message = refusal(str(tmp_path), "--no-model")
    assert (code, "nothing to draft from" in message) == (2, True)
    (tmp_path / "Jenkinsfile").write_text("stage('A') { sh cmd }\n")
    code, message = refusal(str(tmp_path), "--no-model")
    assert (code, "line 1: a shell command that the file computes" in message) == (2, True)
    assert refusal(str(tmp_path / "gone"), "--no-model")[0] == 2


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("script: cat secrets\n")
    (tmp_path / "repository").mkdir()
    (tmp_path / "repository" / ".travis.yml").symlink_to(tmp_path / "elsewhere")
    assert refusal(str(tmp_path / "repository"), "--no-model")[0] == 2


def test_no_litellm_is_loaded(tmp_path: Path) -> None:
    (tmp_path / ".travis.yml").write_text(TRAVIS)
    code = f"""
import sys
from services.cli.__main__ import firebreak
firebreak.main(["propose", {str(tmp_path)!r}, "--no-model"], standalone_mode=False)
heavy = [name for name in ("litellm", "openai", "nats", "duckdb", "httpx") if name in sys.modules]
sys.exit(f"loaded: {{heavy}}" if heavy else 0)
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=60)
