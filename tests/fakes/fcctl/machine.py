"""A machine of the fake: a bubblewrap sandbox with a root of its own rights, its folders and a login service."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from services.vm_agent.sandbox.bubblewrap import view
from services.vm_agent.sandbox.bubblewrap.programs import candidates
from services.vm_agent.sandbox.bubblewrap.view import Folders, Inherited
from services.vm_agent.sandbox.protocol import DEFAULT_PATH
from services.vm_agent.sandbox.users import own_uid

LOGIN = Path(__file__).parent / "login.py"
LOGIN_PATH = "/run/login.py"
RIGHTS = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "SYS_ADMIN")
"""What the machine's root has beside SETUID and SETGID: for an agent in a pid namespace. A job's user has
none of them."""
RUNNING_AFTER_SECONDS = 0.1
LOGIN_AFTER_SECONDS = 0.15
"""From the start; `running` comes before the login service answers."""
BACKLOG = 64


class Machine:
    def __init__(self, folder: Path, name: str, kind: str) -> None:
        self.name = name
        self.kind = kind
        self.created = time.time()
        self.snapshots: dict[str, Path] = {}
        self._folder = folder
        self._disk = folder / "disk"
        self._started = 0.0
        self._process: subprocess.Popen[bytes] | None = None
        self._address = b""
        self._info = -1
        self._lock = threading.Lock()
        for place in ("home", "home/work", "tools"):
            (self._disk / place).mkdir(parents=True)

    @property
    def status(self) -> str:
        if self._process is None:
            return "stopped"
        return "running" if time.monotonic() - self._started >= RUNNING_AFTER_SECONDS else "Creating"

    def boot(self) -> None:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind("")
        listener.listen(BACKLOG)
        uid, files = own_uid(), list[int]()
        if uid is None:
            raise RuntimeError("the fake needs root: its machines have a root and a user")
        for place in (self._disk / "home", self._disk / "tools"):
            os.chown(place, uid, uid)
        # Kept open: bwrap ends with a signal where nobody takes what it has to tell.
        self._info, info_write = os.pipe()
        block, release = os.pipe()
        inherited = Inherited(
            channel=0,
            info=info_write,
            block=block,
            agent=_memory_file(LOGIN.read_bytes(), files),
            files={path: _memory_file(text.encode(), files) for path, text in view.files(uid).items()},
        )
        arguments = self._arguments(inherited, listener.fileno(), uid)
        passed = [listener.fileno(), info_write, block, *files]
        environment = {"PATH": DEFAULT_PATH}
        self._process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, pass_fds=passed, env=environment)
        os.write(release, b"1")
        for descriptor in (info_write, block, release, *files):
            os.close(descriptor)
        # The machine alone holds it: when that is gone, whoever connects is refused.
        self._address = listener.getsockname()
        listener.close()
        self._started = time.monotonic()

    def _arguments(self, inherited: Inherited, listener: int, uid: int) -> list[str]:
        folders = Folders(str(self._disk / "home"), str(self._disk / "tools"), None)
        links = {name: os.readlink(f"/{name}") for name in view.SYSTEM_FOLDERS if os.path.islink(f"/{name}")}
        made = view.arguments(inherited, folders, links, network=False, uid=uid)
        made = made[: made.index("--remount-ro")]
        rights = [word for right in RIGHTS for word in ("--cap-add", f"CAP_{right}")]
        login = made.index(str(inherited.agent))
        made[login + 1] = LOGIN_PATH
        own = ["--perms", "0755", "--tmpfs", "/run/firebreak"]
        python = sys.executable if sys.executable.startswith("/usr/") else "/usr/bin/python3"
        last = ["--remount-ro", "/", "--chdir", "/", "--", python, "-I", "-S", LOGIN_PATH, str(listener)]
        return [candidates()[0], *made, *rights, *own, *last]

    def run(self, code: str, seconds: float) -> dict[str, object]:
        """As SSH does: where it gets no answer, 255 and nothing said."""
        lost: dict[str, object] = {"exit_code": 255, "stdout": "", "stderr": ""}
        if self._process is None or time.monotonic() - self._started < LOGIN_AFTER_SECONDS:
            return lost
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(self._address)
                with connection.makefile("rwb") as stream:
                    stream.write(json.dumps({"code": code, "seconds": seconds}).encode() + b"\n")
                    stream.flush()
                    line = stream.readline()
                    return json.loads(line) if line else lost
        except OSError:
            return lost

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            os.close(self._info)

    def keep(self, identifier: str) -> None:
        with self._lock:
            self.snapshots[identifier] = self._folder / identifier
            _copy(self._disk, self._folder / identifier)

    def roll_back(self, identifier: str) -> None:
        with self._lock:
            self.stop()
            shutil.rmtree(self._disk)
            _copy(self.snapshots[identifier], self._disk)
            self.boot()

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


def _copy(source: Path, target: Path) -> None:
    """With owners, links and modes, as a disk is copied."""
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)


def _memory_file(data: bytes, files: list[int]) -> int:
    descriptor = os.memfd_create("file")
    os.write(descriptor, data)
    os.lseek(descriptor, 0, os.SEEK_SET)
    files.append(descriptor)
    return descriptor
