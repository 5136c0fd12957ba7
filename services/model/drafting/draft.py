"""What is drafted, as data: jobs and steps with the line that each came from, and the gaps. It knows no YAML."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

JOBS = 20
STEPS_A_JOB = 30
COMMANDS = 200
"""Of one file. What is more is a gap: nobody reads a draft of that length."""
COMMAND_CHARACTERS = 4000
GAPS = 40

_SECRET = re.compile(r"token|secret|passw|credential|api_?key|private_?key|access_?key|auth|dsn", re.IGNORECASE)
_NOT_IN_AN_ID = re.compile(r"[^a-z0-9_-]+")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")

By = Literal["file", "model", "engine"]
"""Whose words a step is: the file's, a model's, or what every workflow needs."""


class SourceFile(Struct, frozen=True):
    """A file of the repository; `cut` says that it is longer than what was read."""

    path: str
    text: str
    cut: bool = False


class Gap(Struct, frozen=True):
    """What the draft leaves out or takes for granted; `line` is 0 where it is about the whole file."""

    text: str
    line: int = 0


class Step(Struct, frozen=True):
    """Either `run` or `uses`. `line` is that of the source file, 0 where it stands in none."""

    name: str
    run: str = ""
    uses: str = ""
    with_: tuple[tuple[str, str], ...] = ()
    condition: str = ""
    by: By = "file"
    line: int = 0


class Job(Struct, frozen=True):
    id: str
    steps: tuple[Step, ...]
    name: str = ""
    needs: tuple[str, ...] = ()
    container: str = ""
    env: tuple[tuple[str, str], ...] = ()
    matrix: tuple[tuple[str, tuple[str, ...]], ...] = ()
    condition: str = ""
    continue_on_error: bool = False
    timeout_minutes: int = 0


class Draft(Struct, frozen=True):
    """`source` is the file that it was made from, empty where there was none of another CI."""

    source: str
    jobs: tuple[Job, ...] = ()
    gaps: tuple[Gap, ...] = ()
    branches: tuple[str, ...] = ()
    manual: bool = False
    """A person may start it: something in it waits for one."""
    env: tuple[tuple[str, str], ...] = ()

    @property
    def commands(self) -> int:
        """How many steps came from the file."""
        return sum(step.by == "file" for job in self.jobs for step in job.steps)


CHECKOUT = Step("Check out", uses="actions/checkout@v4", by="engine")


def kept(command: str) -> str:
    """Why a command of a file cannot be carried over as it is; empty where it can."""
    if "${{" in command:
        return "a command that holds `${{`, which would be an expression here"
    if len(command) > COMMAND_CHARACTERS:
        return f"a command of more than {COMMAND_CHARACTERS} characters"
    if any(not (c.isprintable() or c in "\n\t") for c in command):
        return "a command that holds characters that do not show"
    return ""


def job_id(name: str, taken: Iterable[str]) -> str:
    """GitHub's form of an id, near to the name, and nobody else's."""
    plain = _NOT_IN_AN_ID.sub("-", name.lower()).strip("-")[:60] or "job"
    first = plain if plain[0].isalpha() or plain[0] == "_" else f"job-{plain}"
    known, found, number = set(taken), first, 2
    while found in known:
        found, number = f"{first}-{number}", number + 1
    return found


def variables(entries: Iterable[tuple[str, str, int]]) -> tuple[list[tuple[str, str]], list[Gap]]:
    """Of names, values and lines. The value of what looks like a secret is copied nowhere: it becomes a secret."""
    env: list[tuple[str, str]] = []
    gaps: list[Gap] = []
    for name, value, line in entries:
        if not _NAME.match(name) or kept(value):
            gaps.append(Gap(f"the variable {name[:60]!r}, whose name or value cannot be written here", line))
        elif _SECRET.search(name):
            env.append((name, f"${{{{ secrets.{name.upper()} }}}}"))
            gaps.append(Gap(f"set the secret {name.upper()} (`firebreak secrets set`): its value is not copied", line))
        elif name.upper().startswith(("GITHUB_", "RUNNER_")) or name.upper() in ("CI", "PATH"):
            gaps.append(Gap(f"the variable {name}, whose name is the engine's own", line))
        else:
            env.append((name, value))
    return env, gaps


def is_secret_name(name: str) -> bool:
    return _SECRET.search(name) is not None
