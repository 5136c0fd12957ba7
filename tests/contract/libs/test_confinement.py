"""What a process can no longer do, tried in one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import os, socket, sys
from pathlib import Path
from libs.analytics import confinement
what, folder = sys.argv[1], Path(sys.argv[2])
listener = socket.create_server(("127.0.0.1", 0))
why_not = confinement.{call}
if why_not:
    sys.exit(77)
def tried(name, work):
    try:
        work()
    except OSError as error:
        print(name, "refused")
    else:
        print(name, "done")
tried("read inside", lambda: (folder / "file").read_bytes())
tried("read outside", lambda: Path("/etc/passwd").read_bytes())
tried("list outside", lambda: os.listdir("/etc"))
tried("write inside", lambda: (folder / "new").write_bytes(b"x"))
tried("overwrite", lambda: (folder / "file").open("r+b").write(b"x"))
tried("remove", lambda: (folder / "file").unlink())
tried("connect", lambda: socket.create_connection(listener.getsockname(), 2))
tried("signal", lambda: os.kill(os.getppid(), 0))
tried("start", lambda: os.execv("/bin/true", ["true"]) if os.fork() == 0 else os.wait())
"""
READ_ONLY = {
    "read inside": "done",
    "read outside": "refused",
    "list outside": "refused",
    "write inside": "refused",
    "overwrite": "refused",
    "remove": "refused",
    "connect": "refused",
    "signal": "refused",
}
WRITE_NOTHING = READ_ONLY | {"read outside": "done", "list outside": "done", "signal": "done", "start": "done"}


@pytest.mark.parametrize(("call", "expected"), [("read_only([folder])", READ_ONLY), ("write_nothing()", WRITE_NOTHING)])
def test_the_kernel_holds_it(tmp_path: Path, call: str, expected: dict[str, str]) -> None:
    (tmp_path / "file").write_bytes(b"kept")
    program = PROGRAM.replace("{call}", call)
    done = subprocess.run(
        [sys.executable, "-c", program, "x", str(tmp_path)], capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode == 77:
        pytest.skip("this kernel has no Landlock: boot one of 6.12 or newer with lsm=landlock,...")
    lines = dict(line.rsplit(" ", 1) for line in done.stdout.splitlines())
    assert {name: lines.get(name) for name in expected} == expected, done.stderr
    assert (tmp_path / "file").read_bytes() == b"kept"


def test_no_file_grows_where_only_the_limits_hold(tmp_path: Path) -> None:
    program = (
        "import sys; from libs.analytics import confinement; confinement.limit_process();"
        "open(sys.argv[1], 'wb', buffering=0).write(b'x')"
    )
    out = tmp_path / "out"
    done = subprocess.run(
        [sys.executable, "-c", program, str(out)], capture_output=True, text=True, timeout=60, check=False
    )
    assert "File too large" in done.stderr
    assert out.read_bytes() == b""
