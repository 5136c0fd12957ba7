"""Starts the fake for a test and makes tokens that it takes."""

from __future__ import annotations

import atexit
import base64
import functools
import hashlib
import hmac
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import ClassVar

from services.vm_agent.sandbox.fcctl.driver import FcctlDriver
from services.vm_agent.sandbox.fcctl.sandbox import Pace
from services.vm_agent.sandbox.premises import Premises
from services.vm_agent.sandbox.protocol import Probe

ROOT = Path(__file__).resolve().parents[3]
QUICK = Pace(poll_seconds=0.05, running_seconds=10, tries=6, try_seconds=0.1, wait_seconds=1)
NEEDS_ROOT = "the fake fcctl gives its machines a root and a user: run the tests as root (in a container) for it"


def token(secret: str, *, seconds: float = 86_400, user: str = "user-1") -> str:
    now = int(time.time())
    claims = {"user_id": user, "github_id": 1, "username": "someone", "iat": now, "exp": now + int(seconds)}
    signed = f"{_encode({'alg': 'HS256', 'typ': 'JWT'})}.{_encode(claims)}"
    signature = hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def _encode(fields: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(fields).encode()).rstrip(b"=").decode()


class FakeServer:
    """Ends with this process at the latest: its standard input is a pipe from here."""

    def __init__(self, folder: Path) -> None:
        self.secret = os.urandom(16).hex()
        self.folder = folder
        command = [sys.executable, "-m", "tests.fakes.fcctl", str(folder), self.secret]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        assert self._process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}"

    def journal(self) -> list[tuple[str, str, dict[str, object] | None]]:
        """What it was asked: method, path, body."""
        if not (self.folder / "journal").exists():
            return []
        return [tuple(json.loads(line)) for line in (self.folder / "journal").read_text().splitlines()]

    def end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)


@functools.cache
def shared_server() -> FakeServer:
    """One for this process, until its end."""
    server = FakeServer(Path(tempfile.mkdtemp(prefix="fcctl-")))
    atexit.register(shutil.rmtree, server.folder, ignore_errors=True)
    atexit.register(server.end)
    return server


class FakeFcctlDriver(FcctlDriver):
    """The driver as it is, with the fake for a server, which is tried once a process."""

    tried: ClassVar[Probe | None] = None

    def __init__(self, folder: Path) -> None:
        usable = os.geteuid() == 0
        url, made = (shared_server().url, token(shared_server().secret)) if usable else ("", "")
        premises = Premises(folder.parent, folder.parent / "images", fcctl_url=url, fcctl_token=made)
        super().__init__(premises, pace=QUICK)

    async def probe(self) -> Probe:
        if os.geteuid() != 0:
            return Probe(works=False, why=NEEDS_ROOT)
        if FakeFcctlDriver.tried is None or not FakeFcctlDriver.tried.works:
            FakeFcctlDriver.tried = await super().probe()
        return FakeFcctlDriver.tried
