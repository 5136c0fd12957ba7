"""A whole workflow in such a machine, by the command line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.fcctl.client import NEEDS_ROOT, ROOT, FakeServer, token

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason=NEEDS_ROOT)

WORKFLOW = """
on: push
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - id: made
        run: echo "said=$(cat hello.txt)" >> "$GITHUB_OUTPUT"
      - run: echo "it was ${{ steps.made.outputs.said }}, by $(id -un)"
"""


def test_a_workflow_runs_in_a_machine_that_is_released(tmp_path: Path) -> None:
    workflow = tmp_path / "repository/.github/workflows/build.yml"
    workflow.parent.mkdir(parents=True)
    workflow.write_text(WORKFLOW)
    (tmp_path / "repository/hello.txt").write_text("hi")
    for arguments in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x"],
    ):
        subprocess.run(["git", *arguments], cwd=tmp_path / "repository", check=True)
    server = FakeServer(tmp_path / "server")
    own = {"FIRECRACKER_API_URL": server.url, "FIRECRACKER_AUTH_TOKEN": token(server.secret)}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "services.cli", "run", str(tmp_path / "repository"), "--driver", "fcctl"],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(ROOT), **own},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "it was hi, by runner" in done.stdout
        assert own["FIRECRACKER_AUTH_TOKEN"] not in done.stdout + done.stderr
        steps = [(method, path) for method, path, _ in server.journal()]
        assert sum(step == ("POST", "/api/vms") for step in steps) == sum(method == "DELETE" for method, _ in steps) > 0
        assert list((tmp_path / "server").glob("vm-*")) == []
    finally:
        server.end()
