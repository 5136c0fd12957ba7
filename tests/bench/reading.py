"""Parsing and checking a workflow of 200 lines, every expression included, beside PyYAML's C loader alone; and the same
content again, which the parser does not read twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import yaml

from libs.repositories import WorkflowFile
from libs.workflow.reading.workflow import read_workflow
from services.parser.files import Readings
from tests.bench.figures import Figure, median

LINES = 200
TIMES = 50
SEEN_AT_ONCE = 100
"""One look-up is shorter than the clock's own step."""
SEEN_TIMES_LOADER = 0.1
"""For nothing: the hash of the content, a hundredth of a millisecond."""
HEAD = "name: Everything\non:\n  push:\n    branches: [main]\nenv:\n  LEVEL: debug\njobs:\n"
JOB = """\
  job{number}:
    name: Job {number}
    runs-on: self-hosted
    if: github.ref == 'refs/heads/{salt}-{number}' && !cancelled()
    strategy:
      matrix:
        version: ['3.11', '3.12', '3.13']
        include:
          - version: '3.14'
            extra: true
    env:
      NAME: job-${{{{ matrix.version || '{salt}-{number}' }}}}
    steps:
      - uses: actions/checkout@v4
      - name: Test with ${{{{ matrix.version }}}}
        id: test
        timeout-minutes: 5
        run: |
          echo "version ${{{{ matrix.version }}}}"
          echo "sha=${{{{ github.sha }}}}" >> "$GITHUB_OUTPUT"
      - name: Show
        if: ${{{{ always() && steps.test.outcome == '{salt}-{number}' }}}}
        env:
          SHA: ${{{{ steps.test.outputs.sha }}}}
        run: echo "$SHA"
"""


async def measure(folder: Path) -> list[Figure]:
    content = workflow_of(LINES).encode()
    reading = read_workflow("ci.yml", content)
    assert reading.workflow is not None, reading.problems
    ours: list[float] = []
    loader: list[float] = []
    for turn in range(TIMES):
        content = workflow_of(LINES, f"branch{turn}").encode()
        loader.append(_milliseconds(partial(yaml.load, content, Loader=yaml.CSafeLoader)))
        ours.append(_milliseconds(partial(read_workflow, "ci.yml", content)))
    what = f"parse and check a workflow of {LINES} lines"
    seen = await _seen_again(content)
    return [
        Figure(what, median(ours), "ms", "less", median(loader), "PyYAML's C loader", None, 3),
        Figure(
            "the same workflow when its content was seen before",
            seen,
            "ms",
            "less",
            median(loader),
            "PyYAML's C loader",
            None,
            SEEN_TIMES_LOADER,
        ),
    ]


async def _seen_again(content: bytes) -> float:
    """What the parser's memory of files takes for it: the hash of its content, and nothing of its lines."""
    readings, file = Readings(), WorkflowFile("ci.yml", content)
    first = await readings.read(file)
    times: list[float] = []
    for _ in range(TIMES):
        began = time.process_time()
        for _ in range(SEEN_AT_ONCE):
            assert await readings.read(file) is first
        times.append((time.process_time() - began) * 1000 / SEEN_AT_ONCE)
    return median(times)


def workflow_of(lines: int, salt: str = "main") -> str:
    """A valid one of exactly so many lines: whole jobs, then comments. Another salt gives other expressions, which no
    cache holds.
    """
    each = JOB.count("\n")
    text = HEAD + "".join(JOB.format(number=number, salt=salt) for number in range((lines - HEAD.count("\n")) // each))
    return text + "# The rest.\n" * (lines - text.count("\n"))


def _milliseconds(action: Callable[[], object]) -> float:
    """Of the processor: neither waits for anything, so the clock would add the machine's other work and no more."""
    began = time.process_time()
    action()
    return (time.process_time() - began) * 1000
