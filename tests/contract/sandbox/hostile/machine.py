"""A machine whose guest lies: a MachineSandbox as the drivers have it, with a program in its VMM's place."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from pathlib import Path

from libs.contracts.size import Size
from services.vm_agent.sandbox.guest.channel import Channel
from services.vm_agent.sandbox.machine import liveness
from services.vm_agent.sandbox.machine.ground import Host
from services.vm_agent.sandbox.machine.sandbox import Launched, MachineSandbox
from services.vm_agent.sandbox.protocol import NotCapable, SandboxId, SandboxSpec, SnapshotId
from tests.contract.sandbox.hostile import peer

PEER = Path(__file__).with_name("peer.py")
LOOK_SECONDS = 0.2
"""Instead of ten: three in a row without an answer are a loss."""
UNHURRIED_SECONDS = 2.0
"""Where something else than silence is to end it, however busy the machine is."""

HOST = Host([], None, lambda: None)
"""One for all, as a driver has it: so a twin of an earlier guest is found."""


class HostileMachine(MachineSandbox):
    """`attack` is a name of `peer`; `said` is what its attack "the archive" sends."""

    hello_seconds = 1.0

    def __init__(self, attack: str, folder: Path, said: bytes = b"") -> None:
        spec = SandboxSpec(SandboxId(f"hostile-{os.urandom(6).hex()}"), network=False)
        super().__init__(spec, folder / spec.id, HOST, image="none", size=Size(1, 512))
        self._attack = attack
        self._look_seconds = LOOK_SECONDS if attack in peer.SILENT else UNHURRIED_SECONDS
        self._said = said

    async def save_template(self) -> None:
        raise NotCapable("it is never saved")

    async def snapshot(self) -> SnapshotId:
        raise NotCapable("it is never saved")

    async def restore(self, snapshot: SnapshotId) -> None:
        raise NotCapable("it is never saved")

    async def _make_disk(self) -> None:
        (self._folder / "said").write_bytes(self._said)

    async def _launch(self) -> Launched:
        ours, theirs = socket.socketpair()
        with theirs:
            program = [sys.executable, "-I", "-S", str(PEER)]
            self._spawn(
                [*program, self._attack, str(theirs.fileno()), f"{self._folder}/said"], passed=[theirs.fileno()]
            )
        return Launched(ours, "booted", {})

    def _watch(self, channel: Channel) -> None:
        """As a machine is watched, only sooner."""
        self._watching = asyncio.create_task(
            liveness.watch(channel, self._stands_still, look_seconds=self._look_seconds)
        )
