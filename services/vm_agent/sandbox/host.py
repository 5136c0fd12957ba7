"""The driver `host`: no isolation at all. The job's processes are ordinary processes of the agent's own user.

For trusted code only, so it is never chosen by itself. What it does give: a private folder, an environment of nothing
but what is passed, process groups that end, and, where cgroups may be made, a group that stops and ends as one.
"""

from __future__ import annotations

import asyncio
import os
import stat
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from services.vm_agent.sandbox import cgroups, processes, standstill
from services.vm_agent.sandbox.command import Command
from services.vm_agent.sandbox.footprint import FILE_NAME, Footprint
from services.vm_agent.sandbox.protocol import (
    FILE_BYTES,
    Capability,
    Exec,
    FileTrouble,
    GuestPaths,
    NotCapable,
    Output,
    Prepared,
    Probe,
    Ready,
    SandboxId,
    SandboxLost,
    SandboxSpec,
    Shape,
    SnapshotId,
    TarStream,
)
from services.vm_agent.sandbox.sweep import Swept, sweep


class HostDriver:
    """Sandboxes below `folder`, a folder of this agent alone, in cgroups of `hierarchies`, else of what is found."""

    name = "host"
    isolation = "none: a job can do whatever the user of the agent can do"
    takes_forks = False
    makes_machines = False

    def __init__(self, folder: Path, *, hierarchies: list[cgroups.Hierarchy] | None = None) -> None:
        self._folder = folder.resolve()
        self._hierarchies = hierarchies

    async def probe(self) -> Probe:
        return Probe(works=True, why="processes can always be started; nothing isolates them")

    def create(self, spec: SandboxSpec) -> HostSandbox:
        if self._hierarchies is None:
            self._hierarchies = cgroups.usable()
        return HostSandbox(spec, self._folder / spec.id, self._hierarchies)

    async def prepare(self, shape: Shape) -> Prepared | None:
        return None

    async def sweep(self, live: Collection[SandboxId]) -> list[Swept]:
        return await asyncio.to_thread(sweep, self._folder, live)


class HostSandbox:
    def __init__(self, spec: SandboxSpec, folder: Path, hierarchies: list[cgroups.Hierarchy]) -> None:
        self.id: SandboxId = spec.id
        self.capabilities = frozenset({Capability.PAUSE, Capability.STREAMING, Capability.SIGNALS})
        root = str(folder)
        self.paths = GuestPaths(
            home=f"{root}/home", work=f"{root}/work", temp=f"{root}/work/_temp", tool_cache=f"{root}/tools"
        )
        self.footprint = Footprint(id=spec.id, folder=root)
        self._spec = spec
        self._hierarchies = hierarchies
        self._commands: set[Command] = set()
        self._lost = "it is not started"

    async def start(self) -> Ready:
        begun = time.monotonic()
        os.makedirs(self.footprint.folder, 0o700)
        for path in (self.paths.home, self.paths.work, self.paths.temp, self.paths.tool_cache):
            os.mkdir(path)
        made = self._make_cgroups()
        self.footprint = Footprint(
            id=self.id,
            folder=self.footprint.folder,
            cgroups=made.folders,
            owner=os.getpid(),
            owner_started=processes.started(os.getpid()),
        )
        _write(f"{self.footprint.folder}/{FILE_NAME}", self.footprint.to_json().encode(), 0o600)
        self._lost = ""
        return Ready("spawned", {"spawned": (time.monotonic() - begun) * 1000})

    def _make_cgroups(self) -> cgroups.Made:
        made = cgroups.make(
            self._hierarchies,
            cgroups.name_of(self.footprint.folder),
            memory_bytes=self._spec.memory_bytes,
            processes=self._spec.processes,
            cpus=self._spec.cpus,
        )
        if made.folders:
            self.capabilities |= {Capability.FREEZER}
        if made.folders and made.limited:
            self.capabilities |= {Capability.LIMITS}
        return made

    async def exec(
        self, argv: Sequence[str], *, env: Mapping[str, str], cwd: str, output: Output, user: str | None = None
    ) -> Exec:
        self._check()
        if user is not None:
            raise NotCapable(
                f"the host driver runs everything as the agent's user, not as {user}; a microVM driver can"
            )
        groups = self.footprint.cgroups
        kills = cgroups.out_of_memory_kills(groups) if self._spec.memory_bytes else 0
        command = Command(
            argv,
            env=env,
            cwd=cwd,
            output=output,
            before_exec=(lambda: cgroups.enter(groups, 0)) if groups and self._is_limited() else None,
            on_start=lambda pid: cgroups.enter(groups, pid),
            killed_for_memory=lambda: cgroups.out_of_memory_kills(groups) > kills,
        )
        self._commands.add(command)
        command.on_end(lambda: self._commands.discard(command))
        return command

    def _is_limited(self) -> bool:
        return (self._spec.memory_bytes, self._spec.processes, self._spec.cpus) != (None, None, None)

    async def put(self, archive: TarStream | bytes, path: str) -> None:
        from services.vm_agent.sandbox import streamed

        await self.make_folder(path)
        await streamed.unpack(archive, path)

    def get(self, path: str) -> TarStream:
        # Here and in `put`: tarfile is slow to import, and a job without a checkout needs none.
        from services.vm_agent.sandbox import archive, streamed

        self._check()
        return streamed.pack(lambda sink: archive.pack(path, sink))

    async def make_folder(self, path: str) -> None:
        self._check()
        try:
            os.makedirs(path, exist_ok=True)
        except OSError as trouble:
            raise FileTrouble(f"cannot make the folder {path}: {trouble.strerror}") from None

    async def write_file(self, path: str, data: bytes, mode: int = 0o644) -> None:
        self._check()
        if len(data) > FILE_BYTES:
            raise FileTrouble(f"{path} would have {len(data)} bytes; {FILE_BYTES} are allowed")
        try:
            _write(path, data, mode)
        except OSError as trouble:
            raise FileTrouble(f"cannot write {path}: {trouble.strerror}") from None

    async def read_file(self, path: str, limit_bytes: int = FILE_BYTES) -> bytes | None:
        self._check()
        try:
            return _read(path, limit_bytes)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as trouble:
            raise FileTrouble(f"cannot read {path}: {trouble.strerror}") from None

    async def pause(self) -> None:
        self._check()
        await asyncio.to_thread(standstill.pause, self.footprint)

    async def resume(self) -> None:
        self._check()
        await asyncio.to_thread(standstill.resume, self.footprint)

    async def snapshot(self) -> SnapshotId:
        raise NotCapable("the host driver cannot keep a job's memory; a microVM driver can")

    async def restore(self, snapshot: SnapshotId) -> None:
        raise NotCapable(f"the host driver has no snapshot {snapshot}; a microVM driver can keep one")

    async def destroy(self) -> None:
        never_started, self._lost = self._lost == "it is not started", "it was destroyed"
        if never_started:
            return
        for command in list(self._commands):
            command.abandon(f"sandbox {self.id} was destroyed")
        await asyncio.to_thread(standstill.destroy, self.footprint)

    def _check(self) -> None:
        if self._lost:
            raise SandboxLost(f"sandbox {self.id} cannot be used: {self._lost}")


def _write(path: str, data: bytes, mode: int) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, mode)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        descriptor = os.open(path, flags, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        os.fchmod(descriptor, mode)


def _read(path: str, limit_bytes: int) -> bytes:
    # A job may have put a pipe or a device where its runner file was: opening must not block.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb", buffering=0) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise FileTrouble(f"{path} is not a regular file any more")
        if status.st_size > limit_bytes:
            raise FileTrouble(f"{path} has {status.st_size} bytes; {limit_bytes} are allowed")
        data = file.read(limit_bytes + 1)
    if len(data) > limit_bytes:
        raise FileTrouble(f"{path} has more than {limit_bytes} bytes")
    return data
