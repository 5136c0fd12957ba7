"""Parsing and checking a workflow of 200 lines, every expression included, beside PyYAML's C loader alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import yaml

from libs.workflow.reading.workflow import read_workflow
from tests.bench.figures import Figure, median

LINES = 200
TIMES = 50
HEAD = "name: Everything\non:\n  push:\n    branches: [main]\nenv:\n  LEVEL: debug\njobs:\n"
JOB = """\
  job{number}:
    name: Job {number}
    runs-on: self-hosted
    if: github.ref == 'refs/heads/main' && !cancelled()
    strategy:
      matrix:
        version: ['3.11', '3.12', '3.13']
        include:
          - version: '3.14'
            extra: true
    env:
      NAME: job-${{{{ matrix.version }}}}
    steps:
      - uses: actions/checkout@v4
      - name: Test with ${{{{ matrix.version }}}}
        id: test
        timeout-minutes: 5
        run: |
          echo "version ${{{{ matrix.version }}}}"
          echo "sha=${{{{ github.sha }}}}" >> "$GITHUB_OUTPUT"
      - name: Show
        if: ${{{{ always() && steps.test.outcome == 'success' }}}}
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
    for _ in range(TIMES):
        loader.append(_milliseconds(lambda: yaml.load(content, Loader=yaml.CSafeLoader)))
        ours.append(_milliseconds(lambda: read_workflow("ci.yml", content)))
    what = f"parse and check a workflow of {LINES} lines"
    return [Figure(what, median(ours), "ms", "less", median(loader), "PyYAML's C loader", None, 3)]


def workflow_of(lines: int) -> str:
    """A valid one of exactly so many lines: whole jobs, then comments."""
    each = JOB.count("\n")
    text = HEAD + "".join(JOB.format(number=number) for number in range((lines - HEAD.count("\n")) // each))
    return text + "# The rest.\n" * (lines - text.count("\n"))


def _milliseconds(action: Callable[[], object]) -> float:
    """Of the processor: neither waits for anything, so the clock would add the machine's other work and no more."""
    began = time.process_time()
    action()
    return (time.process_time() - began) * 1000
