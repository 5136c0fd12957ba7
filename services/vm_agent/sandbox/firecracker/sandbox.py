"""One microVM in Firecracker: booted, restored from a template, saved, and put back.

With a jailer everything lies in the jail's root; without one, for tests, in a folder of the same content in which
Firecracker is started.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from services.vm_agent.image.store import Image
from services.vm_agent.sandbox.firecracker import api, jailer, requests
from services.vm_agent.sandbox.firecracker.api import Api
from services.vm_agent.sandbox.firecracker.jailer import Jail
from services.vm_agent.sandbox.firecracker.requests import API_SOCKET, MEMORY, STATE, VSOCK, WORK, Machine, Version
from services.vm_agent.sandbox.machine.disk import copy_sparse
from services.vm_agent.sandbox.machine.ground import Host
from services.vm_agent.sandbox.machine.sandbox import Launched, MachineSandbox
from services.vm_agent.sandbox.machine.template import Template
from services.vm_agent.sandbox.protocol import SandboxLost, SandboxSpec, SnapshotId

GREETING_SECONDS = 60.0
"""From the start of a guest to its agent's port being open: until then Firecracker closes every connection."""
SILENCE_SECONDS = 3.0
"""Firecracker neither answers nor closes while the guest has no driver for the socket yet."""
RETRY_SECONDS = 0.02
GREETING_BYTES = 32


@dataclass(frozen=True, slots=True)
class Firecracker:
    """The programs; `jailer` None runs it without one."""

    program: str
    jailer: str | None
    version: Version
    host: Host


class FirecrackerSandbox(MachineSandbox):
    """`template` None boots."""

    def __init__(
        self,
        spec: SandboxSpec,
        folder: Path,
        firecracker: Firecracker,
        machine: Machine,
        image: Image,
        *,
        template: Template | None = None,
        saving: Path | None = None,
    ) -> None:
        super().__init__(spec, folder, firecracker.host, image=image.id, size=machine.size)
        self._firecracker, self._machine, self._files_of = firecracker, machine, image
        self._template = template
        self._saving = saving
        self._has_work = saving is None
        self._api: Api | None = None
        self._loaded: Path | None = None
        self._snapshots: dict[SnapshotId, Path] = {}

    @property
    def root(self) -> Path:
        """The folder that Firecracker sees as its own."""
        jail = self._jail
        return jail.root if jail is not None else self._folder / "root"

    @property
    def _jail(self) -> Jail | None:
        if self._firecracker.jailer is None:
            return None
        return Jail(
            jailer=self._firecracker.jailer,
            firecracker=self._firecracker.program,
            id=jailer.jail_id(self.id),
            uid=self._uid or os.getuid(),
            base=str(self._folder),
            namespace=self.footprint.namespace,
        )

    async def _launch(self) -> Launched:
        begun = monotonic()
        await asyncio.to_thread(self._furnish)
        self._start()
        self._api = Api(self.root / API_SOCKET)
        phases = {"spawned": (monotonic() - begun) * 1000}
        try:
            await self._api.connect()
            phases["api"] = (monotonic() - begun) * 1000 - phases["spawned"]
            if self._template is None and self._loaded is None:
                await self._api.send(requests.boot(self._machine))
                channel = await self._greet()
                return Launched(channel, "booted", phases)
            loading = monotonic()
            await self._api.send(requests.restore(self._machine, self._firecracker.version))
            phases["loaded"] = (monotonic() - loading) * 1000
            return Launched(await self._greet(), "restored", phases)
        except SandboxLost as error:
            raise SandboxLost(f"machine {self.id} was not started: {await self._explained(error)}") from None

    def _furnish(self) -> None:
        """Blocking."""
        linked = {
            requests.KERNEL: self._files_of.kernel,
            requests.INITRD: self._files_of.initrd,
            requests.ROOT: self._files_of.root,
        }
        if self._loaded is not None:
            linked |= {STATE: str(self._loaded / STATE), MEMORY: str(self._loaded / MEMORY)}
        elif self._template is not None:
            linked |= {STATE: self._template.state, MEMORY: self._template.memory}
        jailer.furnish(self.root, self._jail and self._jail.uid, linked, {WORK: self.work_disk})

    def _start(self) -> None:
        jail = self._jail
        if jail is not None:
            self._spawn(jailer.command(jail), enter=False)
        else:
            self._spawn([self._firecracker.program, "--api-sock", API_SOCKET], cwd=str(self.root))

    async def _greet(self) -> socket.socket:
        """The guest agent's port through Firecracker's socket, tried until the agent listens."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + GREETING_SECONDS
        while True:
            if self._vmm is not None and not self._vmm.runs:
                raise SandboxLost("Firecracker has ended")
            channel = await api.connect(self.root / VSOCK, api.SOCKET_SECONDS)
            try:
                async with asyncio.timeout(SILENCE_SECONDS):
                    await loop.sock_sendall(channel, f"CONNECT {requests.AGENT_PORT}\n".encode())
                    if await self._is_greeted(channel):
                        return channel
            except (TimeoutError, OSError):
                pass
            channel.close()
            if loop.time() > deadline:
                raise SandboxLost(f"the guest agent did not listen within {GREETING_SECONDS:g} s")
            await asyncio.sleep(RETRY_SECONDS)

    @staticmethod
    async def _is_greeted(channel: socket.socket) -> bool:
        """Reads `OK <port>` byte by byte: what follows it is the guest's."""
        loop = asyncio.get_running_loop()
        line = b""
        while not line.endswith(b"\n") and len(line) < GREETING_BYTES:
            byte = await loop.sock_recv(channel, 1)
            if not byte:
                return False
            line += byte
        return line.startswith(b"OK ")

    async def _explained(self, error: SandboxLost) -> str:
        code = await self._vmm.ended(0.5) if self._vmm is not None else None
        if code is not None:
            words = self.last_words()
            return f"{error}; it ended with {code}{f': {words}' if words else ''}"
        return str(error)

    # Templates and snapshots.

    async def save_template(self) -> None:
        assert self._saving is not None
        await self._save(self._saving)

    async def _save(self, into: Path) -> None:
        """Stops it and writes memory and state into a folder; it is never resumed. Raises SandboxLost."""
        assert self._api is not None
        await self._usable().ping(os.urandom(16), GREETING_SECONDS)
        await self._api.send(requests.save(self._machine))
        for name in (STATE, MEMORY):
            os.rename(self.root / name, into / name)
            os.chown(into / name, os.getuid(), os.getgid())
            # Clones get links, each as a user of its own: all may read, and none may write.
            os.chmod(into / name, 0o444)

    async def snapshot(self) -> SnapshotId:
        """Firecracker cannot go on safely with its sockets after it was saved, so the machine is put back at once."""
        channel = self._usable()
        if channel.busy:
            raise SandboxLost(f"machine {self.id} cannot be saved while a command runs in it")
        name = SnapshotId(f"snapshot-{len(self._snapshots) + 1}")
        place = self._folder / name
        place.mkdir()
        await self._save(place)
        await asyncio.to_thread(copy_sparse, str(self.root / WORK), str(place / WORK))
        self._snapshots[name] = place
        await self.restore(name)
        return name

    async def restore(self, snapshot: SnapshotId) -> None:
        place = self._snapshots.get(snapshot)
        if place is None:
            raise SandboxLost(f"machine {self.id} has no snapshot {snapshot}")
        self._usable()
        await self._put_away()
        await asyncio.to_thread(shutil.rmtree, self.root)
        await asyncio.to_thread(copy_sparse, str(place / WORK), self.work_disk)
        self._loaded = place
        await self._come_back(await self._launch())

    def _close(self) -> None:
        if self._api is not None:
            self._api.close()
        super()._close()
