"""`firebreak lint`: every problem of every workflow in one go, as `file:line:column: message`.

Scripts and editors read what it prints, so its form does not change. It needs no git, no network and no service; it
only finds and reads files, and `libs.workflow.lint` judges them.
"""

from __future__ import annotations

import json
from pathlib import Path

import click
import msgspec

from libs.workflow.lint import Read, lint, lint_action
from libs.workflow.opt_ins import opt_ins_file, read_opt_ins
from libs.workflow.problems import Problem
from libs.workflow.source import workflow_bytes
from services.cli import outcome, words

ACTION_NAMES = ("action.yml", "action.yaml")
_suffixes = (".yml", ".yaml")


@click.command("lint")
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list of problems.")
def command(path: Path | None, *, as_json: bool) -> int:
    """Check a workflow file, or every workflow of a directory: its `.github/workflows`, or else its own YAML files.

    Workflows are checked beside the workflows and the actions of their own repository that they use. A file that is
    called action.yml is checked as an action, and `.github/firebreak.yml` for what a repository opts into.

    Errors end with exit code 2; warnings do not, and neither does a directory without workflows.

    Example: firebreak lint .github/workflows/build.yml
    """
    files = _workflow_files(path)
    if not files:
        click.echo(f"No workflows in {_directory_of(path)}: nothing to check.", err=True)
    problems = [problem for file in (*files, *_opt_ins_beside(path)) for problem in _lint_file(file)]
    if as_json:
        click.echo(json.dumps([msgspec.to_builtins(problem) for problem in problems], indent=2))
    for problem in () if as_json else problems:
        click.echo(words.line(problem.render()))
    errors = sum(problem.severity == "error" for problem in problems)
    if files:
        click.echo(_summary(len(files), errors, len(problems) - errors), err=True)
    return outcome.USAGE if errors else outcome.OK


def _workflow_files(path: Path | None) -> list[Path]:
    """1. A file is meant as it is. 2. A directory's `.github/workflows`. 3. A named directory's own YAML files.

    Without a path only the second is looked for: the YAML files at a project's top are seldom workflows.
    """
    if path is not None and not path.exists():
        raise outcome.Usage(f"{path} does not exist; name a workflow file or a directory with `.github/workflows`")
    if path is not None and not path.is_dir():
        return [path]
    directory = path or Path()
    folder = directory / ".github" / "workflows"
    if folder.is_dir():
        return _yaml_files(folder)
    if path is None:
        return []
    return _yaml_files(directory / "workflows" if path.resolve().name == ".github" else directory)


def _opt_ins_beside(path: Path | None) -> list[Path]:
    """The repository's own file, where a directory is checked that has or is `.github`."""
    if path is not None and not path.is_dir():
        return []
    directory = path or Path()
    file = directory / Path(opt_ins_file).name if directory.resolve().name == ".github" else directory / opt_ins_file
    return [file] if file.is_file() else []


def _yaml_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(file for file in folder.iterdir() if file.suffix in _suffixes and file.is_file())


def _lint_file(file: Path) -> list[Problem]:
    try:
        content = _content(file)
    except OSError as error:
        return [Problem(str(file), 1, 1, f"cannot be read: {error.strerror or error}")]
    if file.resolve().parts[-2:] == Path(opt_ins_file).parts:
        return list(read_opt_ins(str(file), content).problems)
    read = _neighbours(file)
    if read is None and file.name in ACTION_NAMES:
        return lint_action(str(file), content)
    return lint(str(file), content, read)


def _content(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(workflow_bytes + 1)


def _neighbours(file: Path) -> Read | None:
    """How to read the other files of the repository that a workflow is in; None for a file that is in none."""
    folder = file.resolve().parent
    if (folder.name, folder.parent.name) != ("workflows", ".github"):
        return None

    def read(path: str) -> bytes | None:
        try:
            return _content(folder.parent.parent / path)
        except (OSError, ValueError):
            return None

    return read


def _directory_of(path: Path | None) -> str:
    return str((path or Path()) / ".github" / "workflows") if path is None else str(path)


def _summary(files: int, errors: int, warnings: int) -> str:
    return f"{_count(files, 'workflow')}: {_count(errors, 'error')}, {_count(warnings, 'warning')}."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
