"""One machine of the management API: asked for, waited for until a command really runs, used through a guest agent of
our own whose byte stream the API's calls carry, and released whatever happened.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import re
import shlex
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from libs.contracts.size import Size
from services.vm_agent.sandbox import processes, standstill
from services.vm_agent.sandbox.fcctl import bearer, requests
from services.vm_agent.sandbox.fcctl.api import Api
from services.vm_agent.sandbox.fcctl.record import Record, Records
from services.vm_agent.sandbox.fcctl.requests import BadAnswer, Kept, Machine, Machines
from services.vm_agent.sandbox.fcctl.shell import NoWay, Shell
from services.vm_agent.sandbox.fcctl.tunnel import Tunnel
from services.vm_agent.sandbox.footprint import FILE_NAME, Footprint
from services.vm_agent.sandbox.guest import commands
from services.vm_agent.sandbox.guest.channel import Channel
from services.vm_agent.sandbox.guest.paths import GUEST_UID, PATHS
from services.vm_agent.sandbox.guest.sandbox import GuestSandbox
from services.vm_agent.sandbox.protocol import (
    Capability,
    Exec,
    NotCapable,
    Output,
    Ready,
    SandboxError,
    SandboxLost,
    SandboxSpec,
    SnapshotId,
)

SIZE = Size(2, 4096)
"""What every machine of the API has."""
PLACE = "/run/firebreak"
"""Of our own files in the machine: root's alone, and gone with its boot."""
AGENT_SOURCE = Path(__file__).parents[4] / "infra/guest/agent.py"
RELAY_SOURCE = AGENT_SOURCE.with_name("relay.py")
NO_PAUSE = "the management API cannot stop a machine and let it go on; the drivers qemu and firecracker can"
HELLO_SECONDS = 60.0
PONG_SECONDS = 30.0
_PROOF = re.compile("[0-9a-f]{64}")
_BOOT_ID = re.compile("[0-9a-f-]{36}")


class Pace(NamedTuple):
    """How patient the driver is. The API's own users wait as long; tests do not."""

    poll_seconds: float = 0.5
    running_seconds: float = 30.0
    tries: int = 6
    try_seconds: float = 5.0
    wait_seconds: float = 2.0
    """How long a call waits for the guest's word: while nothing is said, a call takes this long."""


class FcctlSandbox(GuestSandbox):
    def __init__(
        self, spec: SandboxSpec, folder: Path, *, api: Api, token: str, records: Records, kind: str, pace: Pace
    ) -> None:
        super().__init__(spec.id)
        self.capabilities = frozenset(
            {
                Capability.SNAPSHOT,
                Capability.ISOLATION,
                Capability.OWN_KERNEL,
                Capability.PRIVATE_NETWORK,
                Capability.STREAMING,
                Capability.SIGNALS,
            }
        )
        self.footprint = Footprint(id=spec.id, folder="")
        self._folder = folder
        self._api = api
        self._token = token
        self._records = records
        self._kind = kind
        self._pace = pace
        self._record: Record | None = None
        self._asking: asyncio.Task[Machine] | None = None
        self._shell: Shell | None = None
        self._tunnel: Tunnel | None = None
        self._ready: Ready | None = None
        self._snapshots: set[SnapshotId] = set()

    async def start(self) -> Ready:
        if self._ready is not None:
            await self._usable().ping(os.urandom(8), PONG_SECONDS)
            return Ready("pooled", boot_id=self._ready.boot_id, proof=self._ready.proof, image=self._kind, size=SIZE)
        try:
            self._ready = await self._start()
        except BaseException:
            # What cannot be released now is the sweep's; why it could not start is what is told.
            with contextlib.suppress(SandboxError):
                await self.destroy()
            raise
        return self._ready

    async def _start(self) -> Ready:
        begun = time.monotonic()
        bearer.check(self._token, time.time())
        self._make_folder()
        vm = await self._allocate()
        allocated = time.monotonic()
        await self._until_running(vm)
        running = time.monotonic()
        self._shell = Shell(self._api, vm)
        await self._until_commands_run(self._shell)
        boot_id, proof = await self._identity(self._shell)
        await self._send_agent(self._shell)
        answered = time.monotonic()
        await self._serve(self._shell)
        phases = {
            "allocated": (allocated - begun) * 1000,
            "running": (running - allocated) * 1000,
            "answered": (answered - running) * 1000,
            "served": (time.monotonic() - answered) * 1000,
        }
        return Ready("booted", phases, boot_id=boot_id, proof=proof, image=self._kind, size=SIZE)

    def _make_folder(self) -> None:
        os.makedirs(self._folder, 0o700)
        owner = os.getpid()
        self.footprint = Footprint(
            id=self.id, folder=str(self._folder), owner=owner, owner_started=processes.started(owner)
        )
        (self._folder / FILE_NAME).write_text(self.footprint.to_json())

    async def _allocate(self) -> str:
        """Not to be given up half-way: the machine would be there, and nobody would know its id."""
        listed = await self._api.call(requests.listing(), Machines)
        if (refused := requests.refusal(listed.usage)) is not None:
            raise SandboxError(refused)
        self._record = self._records.begin(self.id, f"firebreak-{self.id}")
        self._asking = asyncio.create_task(self._ask(self._record))
        return (await asyncio.shield(self._asking)).id

    async def _ask(self, record: Record) -> Machine:
        machine = await self._api.call(requests.allocate(self._kind, record.name), Machine)
        requests.named(machine.id, "the machine")
        self._record = Record(
            record.sandbox, machine.name or record.name, record.owner, record.owner_started, machine.id
        )
        self._records.write(self._record)
        return machine

    async def _until_running(self, vm: str) -> None:
        until = time.monotonic() + self._pace.running_seconds
        status = ""
        while time.monotonic() < until:
            status = (await self._api.call(requests.look(vm), Machine)).status.lower()
            if status in requests.READY:
                return
            if status not in requests.COMING:
                break
            await asyncio.sleep(self._pace.poll_seconds)
        raise SandboxLost(f"machine {vm} is not running after {self._pace.running_seconds:g} s: it is {status[:40]!r}")

    async def _until_commands_run(self, shell: Shell) -> None:
        """`running` comes before its sshd does."""
        trouble = ""
        for _ in range(self._pace.tries):
            try:
                if (await shell.run("exec true")).code == 0:
                    return
                trouble = "`true` fails in it"
            except NoWay as nothing:
                trouble = str(nothing)
            await asyncio.sleep(self._pace.try_seconds)
        raise SandboxLost(f"the machine runs, but no command runs in it after {self._pace.tries} tries: {trouble}")

    async def _identity(self, shell: Shell) -> tuple[str, str]:
        said = await shell.must(
            "id -u; cat /proc/sys/kernel/random/boot_id; head -c 32 /dev/urandom | sha256sum", "a look"
        )
        words = said.split()
        if len(words) < 3 or not _BOOT_ID.fullmatch(words[1]) or not _PROOF.fullmatch(words[2]):
            raise BadAnswer("the machine did not say who it is")
        if words[0] != "0":
            shell.before = "sudo -n "
        return words[1], hashlib.sha256(words[2].encode()).hexdigest()

    async def _send_agent(self, shell: Shell) -> None:
        await shell.must(f"mkdir -p -m 700 {PLACE}", "making a folder as root")
        for name, source in (("relay.py", RELAY_SOURCE), ("agent.py", AGENT_SOURCE)):
            await shell.upload(f"{PLACE}/{name}", await asyncio.to_thread(source.read_bytes))

    async def _serve(self, shell: Shell) -> None:
        """Starts the agent and opens the channel to it."""
        await shell.must(_start_relay(), "starting the guest's agent")
        tunnel = Tunnel(shell, f"python3 -I -S {PLACE}/relay.py", self._pace.wait_seconds)
        self._tunnel = tunnel
        self._channel = Channel(self.id, lambda why: None, tunnel.why)
        await self._channel.connect(await tunnel.open())
        await self._channel.hello(HELLO_SECONDS)
        for path in (self.paths.work, self.paths.temp):
            await commands.make_folder(self._channel, path)
        self._why_unusable = ""

    async def exec(
        self, argv: Sequence[str], *, env: Mapping[str, str], cwd: str, output: Output, user: str | None = None
    ) -> Exec:
        if user is not None:
            raise NotCapable(f"the fcctl driver runs everything as the job's user, not as {user}; qemu can")
        return await commands.execute(self._usable(), argv, env=env, cwd=cwd, output=output)

    async def pause(self) -> None:
        self._usable()
        raise NotCapable(NO_PAUSE)

    async def resume(self) -> None:
        self._usable()
        raise NotCapable(NO_PAUSE)

    async def snapshot(self) -> SnapshotId:
        self._usable()
        vm = self._vm()
        name = f"firebreak-{len(self._snapshots) + 1}"
        kept = await self._api.call(requests.keep(vm, name, f"of Firebreak's sandbox {self.id}"), Kept)
        made = SnapshotId(requests.named(kept.snapshot_id, "the snapshot"))
        self._snapshots.add(made)
        return made

    async def restore(self, snapshot: SnapshotId) -> None:
        """What runs in it is lost; the agent starts anew, since the one in the snapshot has lost its place."""
        self._usable()
        if snapshot not in self._snapshots or self._shell is None:
            raise SandboxError(f"sandbox {self.id} has no snapshot {snapshot}")
        self._why_unusable = "it is being rolled back"
        await self._hang_up("it is rolled back")
        vm = self._vm()
        await self._api.call(requests.roll_back(vm, snapshot), object)
        await self._until_running(vm)
        await self._until_commands_run(self._shell)
        await self._send_agent(self._shell)
        await self._serve(self._shell)

    async def destroy(self) -> None:
        """Raises SandboxError where the machine could not be released: the sweep will try again."""
        self._why_unusable = "it was destroyed"
        await self._hang_up("it was destroyed")
        if self._asking is not None:
            await asyncio.wait({self._asking})
        if self.footprint.folder:
            await asyncio.to_thread(standstill.destroy, self.footprint)
        record = self._record
        if record is None:
            return
        if record.vm:
            await self._release(record.vm)
        self._records.forget(record)
        self._record = None

    async def _release(self, vm: str) -> None:
        try:
            await self._api.release(vm)
        except SandboxError:
            await asyncio.sleep(self._pace.poll_seconds)
            await self._api.release(vm)

    async def _hang_up(self, why: str) -> None:
        channel, self._channel = self._channel, None
        tunnel, self._tunnel = self._tunnel, None
        if channel is not None:
            channel.close(why)
        if tunnel is not None:
            await tunnel.close()

    def _vm(self) -> str:
        if self._record is None or not self._record.vm:
            raise SandboxLost(f"sandbox {self.id} has no machine")
        return self._record.vm


def _start_relay() -> str:
    """As root, once a boot: the job's user and folders, then the relay, which holds nothing of this command's."""
    home, work, temp, tools = (shlex.quote(path) for path in (PATHS.home, PATHS.work, PATHS.temp, PATHS.tool_cache))
    return f"""set -e
id -u runner > /dev/null 2>&1 || useradd -m -u {GUEST_UID} -s /bin/bash runner
uid=$(id -u runner)
mkdir -p {work} {temp} {tools}
chown "$uid:$uid" {home} {work} {temp} {tools}
rm -f {PLACE}/relay.sock
setsid python3 -I -S {PLACE}/relay.py serve {PLACE}/agent.py "$uid" < /dev/null > {PLACE}/relay.log 2>&1 &
for i in $(seq 200); do [ -S {PLACE}/relay.sock ] && exit 0; sleep 0.1; done
cat {PLACE}/relay.log; exit 1"""
