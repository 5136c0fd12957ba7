"""What the quick commands load: a library that they do not need is a wait at each of their starts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
HEAVY = {
    "duckdb",
    "httpx",
    "jinja2",
    "nacl",
    "nats",
    "obstore",
    "opentelemetry",
    "prometheus_client",
    "pyarrow",
    "rich",
    "starlette",
    "uvicorn",
}
WORKFLOW = "on: push\njobs:\n  a:\n    runs-on: self-hosted\n    steps:\n      - run: 'true'\n"
SCRIPT = """\
import sys
from services.cli.__main__ import main
try:
    main(sys.argv[1:])
except SystemExit as ending:
    code = ending.code
print(code, *sys.modules, file=sys.stderr)
"""


@pytest.mark.parametrize("command", [("run", "."), ("run", "-n", "."), ("lint", "."), ("expr", "1 == 1")])
def test_loads_nothing_heavy(tmp_path: Path, command: tuple[str, ...]) -> None:
    place = tmp_path / ".github" / "workflows"
    place.mkdir(parents=True)
    (place / "ci.yml").write_text(WORKFLOW)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *command],
        check=False,
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    code, *loaded = done.stderr.splitlines()[-1].split()
    assert code == "0", done.stderr
    assert not {name.partition(".")[0] for name in loaded} & HEAVY
