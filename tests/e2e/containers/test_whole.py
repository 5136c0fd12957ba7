"""From a workflow file to its verdict: `firebreak run` with containers, its services and the operator's images."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.containers import images
from tests.fakes.podman.host import FakeEngine

ROOT = Path(__file__).parents[3]
SECONDS = 100
WORKFLOW = """
on: push
env: {LEVEL: workflow}
jobs:
  first:
    runs-on: ubuntu-latest
    outputs: {image: 'busybox:test'}
    steps: [{run: 'true'}]
  test:
    needs: first
    runs-on: ubuntu-latest
    strategy:
      matrix: {container: ['${{ needs.first.outputs.image }}', '']}
    container:
      image: ${{ matrix.container }}
      env: {LEVEL: container, TOKEN: '${{ secrets.TOKEN }}'}
      options: --cpus 1
    services:
      db:
        image: ${{ needs.first.outputs.image }}
        ports: ['5432:5432']
        env: {PASSWORD: '${{ secrets.TOKEN }}'}
        options: --health-cmd true --health-retries 3
    steps:
      - run: echo "in ${GITHUB_WORKSPACE##*/} ${{ job.container.id && 'container' || 'machine' }} $SEEN"
      - run: test "${{ job.services.db.ports['5432'] }}" = 5432
      - uses: docker://busybox:test
        with: {entrypoint: /bin/echo, args: by docker}
"""


@pytest.mark.row("containers: container")
@pytest.mark.row("containers: services")
@pytest.mark.parametrize(("engine", "code"), [(True, 0), (False, 1)], ids=["with an engine", "without"])
def test_a_workflow_file_with_containers_runs(tmp_path: Path, engine: bool, code: int) -> None:
    fake = FakeEngine(tmp_path / "engine")
    (tmp_path / "offered").mkdir()
    images.archive(tmp_path / "offered" / "busybox.tar")
    workflows = tmp_path / "code" / ".github" / "workflows"
    workflows.mkdir(parents=True)
    (workflows / "ci.yml").write_text(WORKFLOW)
    none = tmp_path / "none"
    none.mkdir()
    for program in ("sh", "bash", "git"):
        (none / program).symlink_to(f"/usr/bin/{program}")
    environment = {
        "PATH": fake.environment["PATH"] if engine else str(none),
        "HOME": str(tmp_path),
        "PYTHONPATH": str(ROOT),
        "FIREBREAK_CONTAINER_IMAGES": str(tmp_path / "offered"),
        "FIREBREAK_JOB_ENV": "PATH",
        "TOKEN": "s3cret-value",
    }
    done = subprocess.run(
        [sys.executable, "-m", "services.cli", "run", "code", "-s", "TOKEN"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == code, said
    assert "s3cret-value" not in said
    assert "s3cret-value" not in fake.seen
    assert fake.left() == []
    if engine:
        assert "in demo container /__w/" in done.stdout or "in code container /__w/" in done.stdout
        assert "machine" in done.stdout
        assert done.stdout.count("by docker") >= 2
    else:
        assert "no container engine works here" in said
        assert "by docker" not in done.stdout
