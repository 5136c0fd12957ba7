"""A repository whose jobs misbehave now and then: one hangs, the other fails. When, is counted in files of the test's,
so that every run of the test is the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.repositories import WorkTree

HANGS, SHAKY = ".github/workflows/hangs.yml", ".github/workflows/shaky.yml"
OPT_INS = "timeouts: apply\nretry-flaky: 1\n"
HANG_SECONDS = 600
FAILS_EVERY = 3
"""A third attempt fails, and the one behind it passes."""

WORKFLOW = """\
name: {name}
on: push
jobs:
  {job}:
    runs-on: ubuntu-latest
    steps:
      - name: Look
        run: 'true'
      - name: Test
        run: |
          {script}
"""


@dataclass
class Project:
    """`folder` is where jobs count; `tree` the repository that they are of."""

    tree: WorkTree
    folder: Path

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._counted = 0

    @property
    def _hang(self) -> Path:
        return self.folder / "hang"

    def let_the_next_hang(self) -> None:
        """The job that comes next waits for something that never comes; those behind it do not."""
        self._hang.touch()

    def attempts(self) -> int:
        """At the job that fails now and then, so far."""
        count = self.folder / "count"
        return int(count.read_text()) if count.exists() else 0

    def commit(self) -> str:
        """Another commit of the same workflows."""
        self._counted += 1
        hangs = f"if mv {self._hang} {self._hang}.taken 2> /dev/null; then sleep {HANG_SECONDS}; fi"
        count = self.folder / "count"
        fails = "\n          ".join(
            (
                f"count=$(( $(cat {count} 2> /dev/null || echo 0) + 1 ))",
                f"echo $count > {count}",
                f'if [ $(( count % {FAILS_EVERY} )) -eq 0 ]; then echo "error: connection reset by peer"; exit 1; fi',
            )
        )
        return self.tree.commit(
            {
                HANGS: WORKFLOW.format(name="Hangs", job="hangs", script=hangs),
                SHAKY: WORKFLOW.format(name="Shaky", job="shaky", script=fails),
                ".github/firebreak.yml": OPT_INS,
                "VERSION": f"{self._counted}\n",
            }
        )
