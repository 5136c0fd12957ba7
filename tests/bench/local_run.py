"""`firebreak run` of one step in a process of its own, from the command to the verdict, beside a bash that does
nothing."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.bench.figures import Figure, median
from tests.bench.limits import milliseconds_of

TIMES = 10
UNCOMPILED_TIMES = 3
ACT_MILLISECONDS = 55
"""What act takes for one step, once measured beside ours; it is no part of this environment."""
WORKFLOW = "on: push\njobs:\n  a:\n    runs-on: self-hosted\n    steps:\n      - run: echo one\n"


async def measure(folder: Path) -> list[Figure]:
    place = folder / "repository" / ".github" / "workflows"
    place.mkdir(parents=True)
    (place / "ci.yml").write_text(WORKFLOW)
    bytecode = {"PYTHONPYCACHEPREFIX": str(folder / "bytecode")}
    uncompiled = {"PYTHONPYCACHEPREFIX": str(folder / "none"), "PYTHONDONTWRITEBYTECODE": "1"}
    python = [sys.executable, "-c", "import asyncio"]
    environment = _environment(folder)
    _run(folder, bytecode)
    milliseconds_of(python, environment | bytecode)
    bash: list[float] = []
    compiled: list[float] = []
    interpreter: list[float] = []
    for _ in range(TIMES):
        bash.append(milliseconds_of(["bash", "-c", "true"], environment))
        compiled.append(_run(folder, bytecode))
        interpreter.append(milliseconds_of(python, environment | bytecode))
    fresh = [_run(folder, uncompiled) for _ in range(UNCOMPILED_TIMES)]
    return [
        Figure(
            what="`firebreak run`, one step, cold process to verdict",
            measured=median(compiled),
            unit="ms",
            better="less",
            limit=median(bash),
            limit_is="`bash -c true`",
            aim=3 * ACT_MILLISECONDS,
        ),
        Figure(
            what="the same, no bytecode of anything written yet",
            measured=median(fresh),
            unit="ms",
            better="less",
            limit=median(bash),
            limit_is="`bash -c true`",
        ),
        Figure(
            "a Python that imports asyncio and ends", median(interpreter), "ms", "less", median(bash), "`bash -c true`"
        ),
    ]


def _run(folder: Path, settings: dict[str, str]) -> float:
    command = str(Path(sys.executable).parent / "firebreak")
    return milliseconds_of([command, "run", str(folder / "repository")], _environment(folder) | settings)


def _environment(folder: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(folder)}
