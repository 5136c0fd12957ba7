"""One bubblewrap sandbox: its folder, its processes and the guest agent that does everything inside."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from services.vm_agent.sandbox import cgroups, descriptors, processes, standstill
from services.vm_agent.sandbox.bubblewrap.launch import Launch
from services.vm_agent.sandbox.footprint import FILE_NAME, Footprint
from services.vm_agent.sandbox.guest import commands
from services.vm_agent.sandbox.guest.channel import Channel
from services.vm_agent.sandbox.guest.sandbox import GuestSandbox
from services.vm_agent.sandbox.protocol import (
    Capability,
    Exec,
    NotCapable,
    Output,
    Ready,
    SandboxLost,
    SandboxSpec,
    SnapshotId,
)

START_SECONDS = 20.0
"""From spawn to the guest's first word; it takes some 60 ms here, and may wait for a busy machine."""


class BubblewrapSandbox(GuestSandbox):
    """`program` is the bwrap to run; the job's user is `uid` where that is not the agent's own."""

    def __init__(
        self,
        spec: SandboxSpec,
        folder: Path,
        hierarchies: list[cgroups.Hierarchy],
        *,
        program: str,
        uid: int | None,
        in_memory: bool,
    ) -> None:
        super().__init__(spec.id)
        self.capabilities = frozenset(
            {Capability.PAUSE, Capability.ISOLATION, Capability.STREAMING, Capability.SIGNALS}
        )
        if not spec.network:
            self.capabilities |= {Capability.PRIVATE_NETWORK}
        # Nothing is its own before it is made: a second sandbox of that name must not remove the first one's.
        self.footprint = Footprint(id=spec.id, folder="")
        self._folder = str(folder)
        self._spec = spec
        self._hierarchies = hierarchies
        self._program = program
        self._uid = uid
        self._in_memory = in_memory
        self._launch: Launch | None = None
        self._reaped: asyncio.Future[int] | None = None
        self._ending: asyncio.Task[None] | None = None

    async def start(self) -> Ready:
        begun = time.monotonic()
        try:
            async with asyncio.timeout(START_SECONDS):
                launch = await self._spawn()
                spawned = time.monotonic()
                self._channel = Channel(self.id, self._on_loss)
                await self._channel.connect(launch.channel)
                await self._answer(launch, self._channel)
        except TimeoutError:
            await self.destroy()
            raise SandboxLost(f"sandbox {self.id} was not ready within {START_SECONDS:g} s") from None
        except BaseException:
            await self.destroy()
            raise
        self._why_unusable = ""
        await self._make_folders(self._channel)
        phases = {"spawned": (spawned - begun) * 1000, "answered": (time.monotonic() - spawned) * 1000}
        return Ready("spawned", phases)

    async def _spawn(self) -> Launch:
        home, tools = self._own_folders()
        made = cgroups.make(
            self._hierarchies,
            cgroups.name_of(self._folder),
            memory_bytes=self._spec.memory_bytes,
            processes=self._spec.processes,
            cpus=self._spec.cpus,
        )
        self.footprint = self._footprint_of(made.folders, 0)
        if made.folders:
            self.capabilities |= {Capability.FREEZER}
        if made.folders and made.limited:
            self.capabilities |= {Capability.LIMITS}
        launch = self._launch = Launch(
            self._program,
            home=None if self._in_memory else home,
            tools=None if self._in_memory else tools,
            network=self._spec.network,
            uid=self._uid,
        )
        self._reaped = asyncio.get_running_loop().create_future()
        descriptors.when_ended(launch.process, self._reaped.set_result)
        init = await launch.init()
        for pid in (launch.process.pid, init):
            cgroups.enter(made.folders, pid)
        self.footprint = self._footprint_of(made.folders, init)
        Path(self._folder, FILE_NAME).write_text(self.footprint.to_json())  # noqa: ASYNC240 (a few bytes)
        launch.release()
        return launch

    async def _answer(self, launch: Launch, channel: Channel) -> None:
        try:
            await channel.hello(START_SECONDS)
        except SandboxLost as lost:
            raise SandboxLost(f"{lost}; {await launch.complaint()}") from None

    async def _make_folders(self, channel: Channel) -> None:
        for path in (self.paths.work, self.paths.temp):
            await commands.make_folder(channel, path)

    def _own_folders(self) -> tuple[str, str]:
        folder = self._folder
        os.makedirs(folder, 0o700)
        self.footprint = self._footprint_of((), 0)
        home, tools = f"{folder}/home", f"{folder}/tools"
        for path in (home, tools):
            os.mkdir(path)
            if self._uid is not None:
                os.chown(path, self._uid, self._uid)
        return home, tools

    def _footprint_of(self, folders: tuple[str, ...], init: int) -> Footprint:
        return Footprint(
            id=self.id,
            folder=self._folder,
            cgroups=folders,
            init=init,
            init_started=processes.started(init) if init else 0,
            owner=os.getpid(),
            owner_started=processes.started(os.getpid()),
        )

    async def exec(
        self, argv: Sequence[str], *, env: Mapping[str, str], cwd: str, output: Output, user: str | None = None
    ) -> Exec:
        if user is not None:
            raise NotCapable(f"the bubblewrap driver has one user in a sandbox, and not {user}; a microVM driver can")
        groups = self.footprint.cgroups
        kills = cgroups.out_of_memory_kills(groups) if self._spec.memory_bytes else 0
        return await commands.execute(
            self._usable(),
            argv,
            env=env,
            cwd=cwd,
            output=output,
            killed_for_memory=lambda: cgroups.out_of_memory_kills(groups) > kills,
        )

    async def pause(self) -> None:
        self._usable()
        await asyncio.to_thread(standstill.pause, self.footprint)

    async def resume(self) -> None:
        self._usable()
        await asyncio.to_thread(standstill.resume, self.footprint)

    async def snapshot(self) -> SnapshotId:
        raise NotCapable("the bubblewrap driver cannot keep a job's memory; a microVM driver can")

    async def restore(self, snapshot: SnapshotId) -> None:
        raise NotCapable(f"the bubblewrap driver has no snapshot {snapshot}; a microVM driver can keep one")

    async def destroy(self) -> None:
        if self._launch is None and self._why_unusable == "it was destroyed":
            return
        self._why_unusable = "it was destroyed"
        if self._channel is not None:
            self._channel.close("it was destroyed")
        launch, self._launch = self._launch, None
        if launch is not None:
            await self._end(launch)
        await asyncio.to_thread(standstill.destroy, self.footprint)

    async def _end(self, launch: Launch) -> None:
        if not self.footprint.init:
            with contextlib.suppress(ProcessLookupError):
                launch.process.send_signal(signal.SIGKILL)
        await asyncio.to_thread(standstill.kill, self.footprint)
        if self._reaped is not None:
            await self._reaped
        launch.close()

    def _on_loss(self, why: str) -> None:
        """A guest that broke the rules, or died, is ended at once; its files wait for `destroy`."""
        if not self._why_unusable and self._ending is None:
            self._ending = asyncio.create_task(asyncio.to_thread(standstill.kill, self.footprint))
