"""A sandbox that is a virtual machine: its life from nothing to nothing, whatever VMM is behind it.

A driver adds how its VMM is launched, saved and questioned; all else is here: folder, cgroup, network, disk, the
guest's identity, commands and files over the guest's channel, and the end. Stopping and killing work on the VMM's
process, as the watchdog and the sweep do it, so that there is one way of it.
"""

from __future__ import annotations

import abc
import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from libs.contracts.size import Size
from services.vm_agent.sandbox import cgroups, standstill
from services.vm_agent.sandbox.footprint import Footprint
from services.vm_agent.sandbox.guest import commands, identity
from services.vm_agent.sandbox.guest.channel import Channel
from services.vm_agent.sandbox.guest.commands import GuestExec
from services.vm_agent.sandbox.guest.identity import Proven
from services.vm_agent.sandbox.guest.sandbox import GuestSandbox
from services.vm_agent.sandbox.machine import disk, liveness
from services.vm_agent.sandbox.machine.ground import Ground, Host
from services.vm_agent.sandbox.machine.vmm import Vmm
from services.vm_agent.sandbox.protocol import (
    Capability,
    Output,
    Ready,
    SandboxLost,
    SandboxSpec,
    SnapshotId,
    Terminal,
)

START_SECONDS = 120.0
"""From nothing to a guest that answers; an emulated one boots in four seconds, on a busy machine in ten."""
HELLO_SECONDS = 60.0
"""Until an emulated guest's first word: it takes four seconds, on a busy machine ten."""
FIRST_ANSWER_SECONDS = 30.0
STILL_THERE_SECONDS = 5.0
"""For a machine that stood in the pool: one that does not answer at once is not given to a job."""
WARM_UP = ("bash -c true", "git --version", "python3 -c 'import json, subprocess'", "ls / | sort | head -n 1")
WORK_DISK = "work.ext4"
_GRANTED = frozenset(
    {
        Capability.PAUSE,
        Capability.SNAPSHOT,
        Capability.ISOLATION,
        Capability.OWN_KERNEL,
        Capability.PRIVATE_NETWORK,
        Capability.DISK_LIMIT,
        Capability.STREAMING,
        Capability.SIGNALS,
        Capability.USERS,
        Capability.TERMINAL,
    }
)


@dataclass(frozen=True, slots=True)
class Launched:
    """A VMM whose guest can be spoken to. `restored`: it will say no hello, for it said it before it was saved."""

    channel: socket.socket
    how: Literal["restored", "booted"]
    phases_ms: dict[str, float]


class MachineSandbox(GuestSandbox, abc.ABC):
    """`folder` is this machine's own and does not exist yet. `image` and `size` are for `Ready`."""

    hello_seconds = HELLO_SECONDS

    def __init__(self, spec: SandboxSpec, folder: Path, host: Host, *, image: str, size: Size) -> None:
        super().__init__(spec.id)
        self.capabilities = _GRANTED
        self._ground = Ground(spec, folder, host, size)
        self._folder = folder
        self._spec = spec
        self._uid = self._ground.uid
        self._image, self._size = image, size
        self._vmm: Vmm | None = None
        self._ready: Ready | None = None
        self._has_work = True
        """A template never mounts the disk that its clones get one each of."""
        self._watching: asyncio.Task[None] | None = None
        self._is_held = False
        """It was stopped, and not continued yet."""
        self._ending: asyncio.Task[None] | None = None
        self._destroyed = False

    @abc.abstractmethod
    async def save_template(self) -> None:
        """Stops it, and saves it for others to be restored from; it is of no other use then. Raises SandboxLost."""
        ...

    @abc.abstractmethod
    async def snapshot(self) -> SnapshotId: ...

    @abc.abstractmethod
    async def restore(self, snapshot: SnapshotId) -> None: ...

    @abc.abstractmethod
    async def _launch(self) -> Launched:
        """Starts the VMM by `_spawn`. Raises SandboxLost."""
        ...

    async def start(self) -> Ready:
        if self._ready is not None:
            return await self._again(self._ready)
        try:
            async with asyncio.timeout(START_SECONDS):
                self._ready = await self._first_start()
        except TimeoutError:
            await self.destroy()
            raise SandboxLost(f"machine {self.id} was not ready within {START_SECONDS:g} s") from None
        except BaseException:
            await self.destroy()
            raise
        return self._ready

    async def _first_start(self) -> Ready:
        clock = _Phases()
        self.capabilities |= await asyncio.to_thread(self._ground.make)
        await self._make_disk()
        clock.passed("prepared")
        launched = await self._launch()
        for name, milliseconds in launched.phases_ms.items():
            clock.passed(name, milliseconds)
        clock.passed("launched")
        channel = await self._answered(launched)
        clock.passed("answered")
        proven = await self._identified(channel)
        clock.passed("identified")
        self._why_unusable = ""
        self._watch(channel)
        if self._has_work:
            await commands.make_folder(channel, self.paths.temp)
        clock.passed("ready")
        return Ready(
            how=launched.how,
            phases_ms=clock.milliseconds,
            pid=self.footprint.init,
            boot_id=proven.boot_id,
            proof=proven.proof,
            image=self._image,
            size=self._size,
        )

    async def _answered(self, launched: Launched) -> Channel:
        """The guest says that it can run a command, or, having said it before it was saved, that it is there."""
        channel = self._channel = Channel(self.id, self._on_loss, self._why_it_ended)
        await channel.connect(launched.channel)
        if launched.how == "booted":
            await channel.hello(self.hello_seconds)
        else:
            await channel.ping(os.urandom(16), FIRST_ANSWER_SECONDS)
        return channel

    async def _identified(self, channel: Channel) -> Proven:
        return await identity.give(
            channel, self.id, self._ground.proofs, work_disk=self._has_work, network=self._ground.guest_network
        )

    async def _put_away(self) -> None:
        """Ends the VMM and nothing else: another one takes its place."""
        self._why_unusable = "it is being restored"
        if self._channel is not None:
            self._channel.close("its machine is being restored")
        await self._end_vmm()
        self._ground.vmm_gone()
        self._close()

    async def _come_back(self, launched: Launched) -> None:
        channel = await self._answered(launched)
        await self._identified(channel)
        self._why_unusable = ""
        self._watch(channel)

    def _watch(self, channel: Channel) -> None:
        if self._watching is not None:
            self._watching.cancel()
        self._watching = asyncio.create_task(liveness.watch(channel, self._stands_still))

    def _stands_still(self) -> bool:
        """On purpose, by us or by the watchdog."""
        return self._is_held or cgroups.is_frozen(self.footprint.cgroups)

    async def warm_up(self) -> None:
        """Runs a template's programs once, so that its clones find them in the page cache."""

        async def forget(data: bytes) -> None:
            return

        for script in WARM_UP:
            command = await commands.execute(
                self._usable(), ["sh", "-c", script], env={}, cwd="/", output=forget, user="root"
            )
            await command.wait()
        await self._usable().ping(os.urandom(16), FIRST_ANSWER_SECONDS)

    async def _again(self, ready: Ready) -> Ready:
        """For whoever takes it from a pool."""
        clock = _Phases()
        channel = self._usable()
        await channel.ping(os.urandom(16), STILL_THERE_SECONDS)
        clock.passed("answered")
        await identity.set_clock(channel)
        clock.passed("clock")
        return Ready("pooled", clock.milliseconds, ready.pid, ready.boot_id, ready.proof, ready.image, ready.size)

    async def _make_disk(self) -> None:
        await asyncio.to_thread(disk.make, self.work_disk, self._disk_bytes)

    @property
    def footprint(self) -> Footprint:
        return self._ground.footprint

    @property
    def work_disk(self) -> str:
        return f"{self._folder}/{WORK_DISK}"

    @property
    def _disk_bytes(self) -> int:
        return self._spec.disk_bytes or DISK_BYTES

    def _spawn(self, command: Sequence[str], *, passed: Sequence[int] = (), cwd: str = "/", enter: bool = True) -> None:
        """The VMM's process, in its cgroup and, with `enter`, in its network. Raises SandboxLost."""
        vmm = self._vmm = Vmm(
            command,
            groups=self.footprint.cgroups,
            namespace=self.footprint.namespace if enter else "",
            passed=passed,
            cwd=cwd,
        )
        self._ground.vmm_started(vmm.pid)

    def last_words(self) -> str:
        """What the VMM printed last."""
        return self._vmm.last_words() if self._vmm is not None else ""

    # How it ends.

    async def _why_it_ended(self) -> str:
        assert self._vmm is not None
        return await self._vmm.why_it_ended()

    def _on_loss(self, why: str) -> None:
        """A guest that broke the rules, or died, is ended at once; its files wait for `destroy`."""
        if not self._destroyed and self._ending is None:
            self._ending = asyncio.create_task(self._kill())

    async def _kill(self) -> None:
        with contextlib.suppress(standstill.StillRunning, OSError):
            await asyncio.to_thread(standstill.kill, self.footprint)

    async def destroy(self) -> None:
        if self._destroyed and not self.footprint.folder:
            return
        if self._ending is not None:
            await asyncio.wait({self._ending})
        self._destroyed, self._why_unusable = True, "it was destroyed"
        if self._watching is not None:
            self._watching.cancel()
        if self._channel is not None:
            self._channel.close("it was destroyed")
        await self._end_vmm()
        if self.footprint.folder:
            await asyncio.to_thread(self._ground.remove)
        self._close()

    async def _end_vmm(self) -> None:
        if self._vmm is not None:
            await self._vmm.kill()

    def _close(self) -> None:
        """What this process holds open of it; a driver adds its own."""
        if self._vmm is not None:
            self._vmm.close()

    # What a job does with it.

    async def exec(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: str,
        output: Output,
        user: str | None = None,
        terminal: Terminal | None = None,
    ) -> GuestExec:
        return await commands.execute(
            self._usable(), argv, env=env, cwd=cwd, output=output, user=user or "runner", terminal=terminal
        )

    async def pause(self) -> None:
        self._usable()
        self._is_held = True
        await asyncio.to_thread(standstill.pause, self.footprint)

    async def resume(self) -> None:
        channel = self._usable()
        await asyncio.to_thread(standstill.resume, self.footprint)
        self._is_held = False
        await identity.set_clock(channel)


DISK_BYTES = 14 * 1024**3
"""GitHub's runners have 14 GB; the file takes room only as it fills."""


class _Phases:
    """Milliseconds since the phase before, by name, in order."""

    def __init__(self) -> None:
        self.milliseconds: dict[str, float] = {}
        self._last = time.monotonic()

    def passed(self, name: str, milliseconds: float | None = None) -> None:
        """`milliseconds` for a part that was measured by others: what follows does not count it again."""
        now = time.monotonic()
        if milliseconds is None:
            milliseconds, self._last = (now - self._last) * 1000, now
        else:
            self._last += milliseconds / 1000
        self.milliseconds[name] = round(milliseconds, 3)
