"""One machine in QEMU: booted, restored from a template, saved, and put back from what was saved.

A template is made by the same class: it is a machine whose memory is a file that is kept. Saving a job's machine is
another thing: its memory is private, so all of it is written out, and it is put back in a new process.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from services.vm_agent.image.store import Image
from services.vm_agent.sandbox.guest import identity
from services.vm_agent.sandbox.machine.disk import check_room, copy_sparse
from services.vm_agent.sandbox.machine.ground import Host
from services.vm_agent.sandbox.machine.sandbox import Launched, MachineSandbox
from services.vm_agent.sandbox.machine.saving import DiskWork, SavedAs, Sink, Source
from services.vm_agent.sandbox.machine.template import MEMORY, STATE, Template
from services.vm_agent.sandbox.network.policy import TAP
from services.vm_agent.sandbox.protocol import SandboxLost, SandboxSpec, SnapshotId
from services.vm_agent.sandbox.qemu import command_line, pipe
from services.vm_agent.sandbox.qemu.command_line import Files, Jail, Kernel, Machine
from services.vm_agent.sandbox.qemu.qmp import Json, Monitor, MonitorError
from services.vm_agent.sandbox.run import run

LOAD_SECONDS = 30.0
"""A template's state is loaded in some milliseconds, a whole memory in a second or two."""
SAVE_SECONDS = 120.0
SHARED_MEMORY: Json = {"capabilities": [{"capability": "x-ignore-shared", "state": True}]}
WHOLE_MEMORY: Json = {"capabilities": [{"capability": "x-ignore-shared", "state": False}]}
"""Both sides must say the same, even where no memory is shared."""
ENDED = frozenset({"completed", "failed", "cancelled"})
FULL_BYTES = 16 * 1024**2
"""Free on a disk on which a write has just failed: it failed for that."""
UNBOUNDED = 2**40
"""Bytes a second; QEMU's own bound is for a network that others use too."""
QUIET_SECONDS = 60.0
"""Until a guest has answered all that it was asked, and until a saved machine has ended."""


@dataclass(frozen=True, slots=True)
class Qemu:
    """The program, and what its machines stand on."""

    program: str
    version: tuple[int, int]
    host: Host


class QemuSandbox(MachineSandbox):
    """`template` None boots; `saving` is a folder whose memory file the machine writes through to, a template's;
    `source` is what was saved of another one, `fit` what must be equal to start this one again."""

    def __init__(
        self,
        spec: SandboxSpec,
        folder: Path,
        qemu: Qemu,
        machine: Machine,
        image: Image,
        *,
        template: Template | None = None,
        saving: Path | None = None,
        source: Source | None = None,
        fit: str = "",
    ) -> None:
        super().__init__(spec, folder, qemu.host, image=image.id, size=machine.size)
        self._qemu, self._machine, self._files_of = qemu, machine, image
        self._template, self._saving, self._source, self._fit = template, saving, source, fit
        self._has_work = saving is None
        self._monitor: Monitor | None = None
        self._snapshots: dict[SnapshotId, Path] = {}
        self._snapshot_to_load: Path | None = None
        self._state = -1
        self._feeding = -1
        """The end of the pipe into which saved memory goes."""

    async def _launch(self) -> Launched:
        begun = monotonic()
        channel, guest = socket.socketpair()
        monitor, qemu = socket.socketpair()
        try:
            self._start_qemu([guest, qemu])
        except BaseException:
            channel.close()
            monitor.close()
            raise
        finally:
            guest.close()
            qemu.close()
        self._monitor = Monitor(monitor, self._on_event)
        phases = {"spawned": (monotonic() - begun) * 1000}
        try:
            await self._monitor.connect()
            phases["monitor"] = (monotonic() - begun) * 1000 - phases["spawned"]
            if self._is_booted:
                return Launched(channel, "booted", phases)
            loading = monotonic()
            await self._load(self._monitor)
            phases["loaded"] = (monotonic() - loading) * 1000
        except MonitorError as error:
            channel.close()
            raise SandboxLost(f"machine {self.id} was not started: {await self._explained(error)}") from None
        except BaseException:
            channel.close()
            raise
        return Launched(channel, "restored", phases)

    @property
    def _is_booted(self) -> bool:
        return self._template is None and self._snapshot_to_load is None and self._stream is None

    @property
    def _stream(self) -> Callable[[], AsyncIterator[bytes]] | None:
        """The memory that it begins with; once it was put back from a snapshot of its own, that has taken its place."""
        return None if self._source is None or self._snapshot_to_load is not None else self._source.memory

    async def _make_disk(self) -> None:
        if self._source is None:
            await super()._make_disk()
            return
        await asyncio.to_thread(check_room, str(self._folder))
        await self._source.disk(self.work_disk)

    def _start_qemu(self, sockets: Sequence[socket.socket]) -> None:
        with contextlib.ExitStack() as opened:

            def open_file(path: str, flags: int) -> int:
                descriptor = os.open(path, flags | os.O_CLOEXEC)
                opened.callback(os.close, descriptor)
                return descriptor

            try:
                root = open_file(self._files_of.root, os.O_RDONLY)
                work = (open_file(self.work_disk, os.O_RDWR), open_file(self.work_disk, os.O_RDONLY))
                self._state = self._open_state()
            except OSError as error:
                raise SandboxLost(f"machine {self.id} cannot be started: {error.filename}: {error.strerror}") from None
            guest, monitor = (end.fileno() for end in sockets)
            memory, shared = self._memory_file()
            files = Files(channel=guest, monitor=monitor, root=root, work=work, memory=memory, shared=shared, tap=TAP)
            passed = [guest, monitor, root, *work, *([self._state] if self._state >= 0 else [])]
            kernel = Kernel(self._files_of.kernel, self._files_of.initrd) if self._is_booted else None
            arguments = command_line.arguments(self._machine, files, self._jail(), kernel)
            # In its folder: so a sweep knows whose it is, even if this agent dies before it has written that down.
            self._spawn([self._qemu.program, *arguments], passed=passed, cwd=str(self._folder))

    def _open_state(self) -> int:
        if self._is_booted:
            return -1
        if self._stream is None:
            return os.open(self._state_file, os.O_RDONLY | os.O_CLOEXEC)
        reading, self._feeding = os.pipe2(os.O_CLOEXEC)
        return reading

    def _jail(self) -> Jail:
        root = self._folder / "root"
        root.mkdir(exist_ok=True, mode=0o755)
        return Jail(self._uid, str(root), self._qemu.version)

    def _memory_file(self) -> tuple[str, bool]:
        """Its path, and whether the machine writes through to it."""
        if self._saving is not None:
            return str(self._saving / MEMORY), True
        if self._shares_memory and self._template is not None:
            return self._template.memory, False
        return "", False

    @property
    def _shares_memory(self) -> bool:
        return self._template is not None and self._snapshot_to_load is None and self._stream is None

    @property
    def _state_file(self) -> str:
        if self._snapshot_to_load is not None:
            return str(self._snapshot_to_load / STATE)
        assert self._template is not None
        return self._template.state

    async def _load(self, monitor: Monitor) -> None:
        """Raises MonitorError. QEMU says of much that does not fit no more than a line on its standard error."""
        await monitor.ask("migrate-set-capabilities", SHARED_MEMORY if self._shares_memory else WHOLE_MEMORY)
        try:
            await monitor.ask("migrate-incoming", {"uri": f"fd:{self._state}"})
        finally:
            os.close(self._state)
            self._state = -1
        if self._stream is not None:
            feeding, self._feeding = self._feeding, -1
            await pipe.feed(feeding, self._stream())
        await monitor.until("query-status", frozenset({"paused"}), LOAD_SECONDS)
        if words := self.last_words():
            raise MonitorError(f"its saved state does not fit: {words}")
        await monitor.ask("cont")

    def _on_event(self, name: str, data: object) -> None:
        """QEMU stops a machine whose disk has no more room on the host, and says so."""
        if name == "BLOCK_IO_ERROR" and self._channel is not None:
            found = os.statvfs(self._folder)
            full = found.f_bavail * found.f_frsize < FULL_BYTES
            why = "the disk of the host is full" if full else "the disk of the host failed"
            self._channel.give_up(f"{why}: QEMU could not write to {self.work_disk}; free some space")

    async def _explained(self, error: MonitorError) -> str:
        """QEMU's own last words tell more than that it has gone."""
        if self._vmm is not None:
            await self._vmm.ended(1)
        return f"{error}: {words}" if (words := self.last_words()) else str(error)

    # Templates.

    async def save_template(self) -> None:
        assert self._saving is not None
        assert self._monitor is not None
        try:
            await self._monitor.ask("stop")
            await self._monitor.ask("migrate-set-capabilities", SHARED_MEMORY)
            await self._migrate_to(self._saving / STATE)
            with contextlib.suppress(MonitorError):
                await self._monitor.ask("quit")
        except MonitorError as error:
            raise SandboxLost(f"the template could not be saved: {await self._explained(error)}") from None
        assert self._vmm is not None
        await self._vmm.ended(QUIET_SECONDS)

    async def _migrate_to(self, path: Path) -> None:
        """Into a file by descriptor, which QEMU's own confinement allows. Raises MonitorError."""
        assert self._monitor is not None
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            await self._hand_over(descriptor, "saving")
        finally:
            os.close(descriptor)
        await self._monitor.ask("migrate", {"uri": "fd:saving"})
        await self._migrated()

    async def _migrated(self) -> None:
        assert self._monitor is not None
        status = await self._monitor.until("query-migrate", ENDED, SAVE_SECONDS)
        if status != "completed":
            raise MonitorError(f"saving it has {status}")

    async def _hand_over(self, descriptor: int, name: str) -> None:
        assert self._monitor is not None
        await self._monitor.ask("getfd", {"fdname": name}, descriptor=descriptor)

    # Saving a job's machine, which goes on afterwards.

    async def snapshot(self) -> SnapshotId:
        """Memory and work disk as they are, in the machine's own folder. No command may run: its output would be lost
        between the two lives."""
        name = SnapshotId(f"snapshot-{len(self._snapshots) + 1}")
        place = self._folder / name
        place.mkdir()
        try:
            async with self._standing_still() as monitor:
                await monitor.ask("migrate-set-capabilities", WHOLE_MEMORY)
                await self._migrate_to(place / STATE)
                await asyncio.to_thread(copy_sparse, self.work_disk, str(place / "work"))
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise
        self._snapshots[name] = place
        return name

    async def save(self, disk: DiskWork, memory: Sink | None = None) -> SavedAs:
        """See `saving.Savable`."""
        if memory is None:
            await self._write_out()
        async with self._standing_still() as monitor:
            if memory is not None:
                await self._migrate_into(monitor, memory)
            await disk(self.work_disk)
        spec, size = self._spec, self._size
        return SavedAs(self._image, self._fit, size, spec.trust, spec.network, self._disk_bytes)

    async def _write_out(self) -> None:
        ended, said = await run(self, ["sync"])
        if ended.code != 0:
            raise SandboxLost(f"machine {self.id} could not write out its disk: {said[:200].decode(errors='replace')}")

    @contextlib.asynccontextmanager
    async def _standing_still(self) -> AsyncGenerator[Monitor]:
        """Raises SandboxLost where QEMU does not do as it is told."""
        channel = self._usable()
        if channel.busy:
            raise SandboxLost(f"machine {self.id} cannot be saved while a command runs in it")
        assert self._monitor is not None
        await channel.ping(os.urandom(16), QUIET_SECONDS)
        self._is_held = True
        try:
            await self._monitor.ask("stop")
            try:
                yield self._monitor
            finally:
                await self._monitor.ask("cont")
                self._is_held = False
        except MonitorError as error:
            raise SandboxLost(f"machine {self.id} could not be saved: {await self._explained(error)}") from None
        await identity.set_clock(channel)

    async def _migrate_into(self, monitor: Monitor, memory: Sink) -> None:
        """All of its memory through a pipe. Raises MonitorError, and what the sink raises."""
        await monitor.ask("migrate-set-capabilities", WHOLE_MEMORY)
        reading, writing = os.pipe2(os.O_CLOEXEC)
        try:
            try:
                await self._hand_over(writing, "saving")
            finally:
                os.close(writing)
            await monitor.ask("migrate-set-parameters", {"max-bandwidth": UNBOUNDED})
            await monitor.ask("migrate", {"uri": "fd:saving"})
            await pipe.drain(reading, memory)
        except BaseException:
            os.close(reading)
            with contextlib.suppress(MonitorError):
                await monitor.ask("migrate_cancel")
                await monitor.until("query-migrate", ENDED, QUIET_SECONDS)
            raise
        os.close(reading)
        await self._migrated()

    async def restore(self, snapshot: SnapshotId) -> None:
        """In a new process, from which on everything that ran is as it was."""
        place = self._snapshots.get(snapshot)
        if place is None:
            raise SandboxLost(f"machine {self.id} has no snapshot {snapshot}")
        self._usable()
        await self._put_away()
        await asyncio.to_thread(copy_sparse, str(place / "work"), self.work_disk)
        self._snapshot_to_load = place
        await self._come_back(await self._launch())

    def _close(self) -> None:
        if self._monitor is not None:
            self._monitor.close()
        if self._feeding >= 0:
            os.close(self._feeding)
            self._feeding = -1
        super()._close()
