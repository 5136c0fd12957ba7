"""The guest of the fake: the real agent in a root of its own, whose files can be saved and put back."""

from __future__ import annotations

import io
import os
import re
import socket
import subprocess
import tarfile
import time
from pathlib import Path

from services.vm_agent.sandbox.bubblewrap import view
from services.vm_agent.sandbox.bubblewrap.launch import AGENT_SOURCE
from services.vm_agent.sandbox.bubblewrap.programs import candidates
from services.vm_agent.sandbox.bubblewrap.view import Folders, Inherited
from services.vm_agent.sandbox.protocol import DEFAULT_PATH
from services.vm_agent.sandbox.users import own_uid

BACKLOG = 8
SETTLE_SECONDS = 5.0
"""Setting up takes some 20 ms."""


class Guest:
    """`folder` holds its home; it runs until this process ends."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.tools = folder / "tools"
        # Relative: the path of a socket has 107 characters at most.
        self._port = os.path.relpath(folder / "agent.sock")
        self._process: subprocess.Popen[bytes] | None = None
        self._info = -1
        for place in (folder, self.home, self.tools):
            place.mkdir(exist_ok=True)
        (self.home / "work").mkdir(exist_ok=True)

    def boot(self) -> None:
        listener = socket.socket(socket.AF_UNIX)
        Path(self._port).unlink(missing_ok=True)
        listener.bind(self._port)
        listener.listen(BACKLOG)
        uid, files = own_uid(), list[int]()
        if uid is not None:
            for place in (self.home, self.tools, *self.home.rglob("*")):
                os.chown(place, uid, uid, follow_symlinks=False)
        # Kept open: bwrap ends with a signal where nobody takes what it has to tell.
        self._info, info_write = os.pipe()
        block, release = os.pipe()
        inherited = Inherited(
            channel=listener.fileno(),
            info=info_write,
            block=block,
            agent=_memory_file(AGENT_SOURCE.read_bytes(), files),
            files={path: _memory_file(text.encode(), files) for path, text in view.files(uid).items()},
        )
        folders = Folders(home=str(self.home), tools=str(self.tools), python=_prefix())
        links = {name: os.readlink(f"/{name}") for name in view.SYSTEM_FOLDERS if os.path.islink(f"/{name}")}
        arguments = view.arguments(inherited, folders, links, network=False, uid=uid)
        begin = arguments[: arguments.index(view.AGENT_PATH, arguments.index("--")) + 1]
        user = [] if uid is None else [str(uid)]
        command = [candidates()[0], *begin, f"listen:{listener.fileno()}", "machine", *user]
        passed = [listener.fileno(), info_write, block, *files]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=passed, env={"PATH": DEFAULT_PATH})
        os.write(release, b"1")
        for descriptor in (info_write, block, release, *files):
            os.close(descriptor)
        listener.close()
        self._settle()

    def _settle(self) -> None:
        """Until the agent runs: a fake that is killed while bwrap still sets up would leave its guest behind."""
        told = b""
        while (match := re.search(rb'"child-pid": (\d+)', told)) is None:
            more = os.read(self._info, 4096)
            if not more:
                return
            told += more
        program = f"/proc/{int(match[1])}/exe"
        deadline = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < deadline and self.runs and os.path.basename(_target(program)) == "bwrap":
            time.sleep(0.001)

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def connect(self) -> socket.socket:
        """To the agent's port. Raises OSError where nobody listens."""
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(self._port)
        return connection

    def save(self) -> bytes:
        """All that it has written."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            archive.add(self.home, ".")
        return buffer.getvalue()

    def put_back(self, saved: bytes) -> None:
        with tarfile.open(fileobj=io.BytesIO(saved)) as archive:
            archive.extractall(self.home, filter="fully_trusted")


def _target(link: str) -> str:
    try:
        return os.readlink(link)
    except OSError:
        return ""


def _memory_file(data: bytes, files: list[int]) -> int:
    descriptor = os.memfd_create("file")
    os.write(descriptor, data)
    os.lseek(descriptor, 0, os.SEEK_SET)
    files.append(descriptor)
    return descriptor


def _prefix() -> str | None:
    import sys

    return None if os.path.exists(view.python(None)) else sys.base_prefix
