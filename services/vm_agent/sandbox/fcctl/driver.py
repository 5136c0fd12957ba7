"""The driver `fcctl`: each job in a microVM of a remote server that offers a management API for them.

What it needs of this host is a way to that server and a token. Machines are of one size; what was made here and belongs
to nobody any more is found by records of our own, never by guessing from the server's list.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Collection
from urllib.parse import urlsplit

from services.vm_agent.sandbox.fcctl import bearer, requests
from services.vm_agent.sandbox.fcctl.api import Api
from services.vm_agent.sandbox.fcctl.record import Record, Records
from services.vm_agent.sandbox.fcctl.requests import Health, Machines
from services.vm_agent.sandbox.fcctl.sandbox import SIZE, FcctlSandbox, Pace
from services.vm_agent.sandbox.live import Live
from services.vm_agent.sandbox.premises import Premises
from services.vm_agent.sandbox.protocol import Prepared, Probe, SandboxError, SandboxId, SandboxSpec, Shape
from services.vm_agent.sandbox.run import run
from services.vm_agent.sandbox.sweep import Swept, sweep

USUAL_KIND = "focal-ci"
KINDS = frozenset({USUAL_KIND, "focal", "focal-optimized", "bionic-test", "rust-ci"})
"""What the API makes, chosen by FIREBREAK_IMAGE."""
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class FcctlDriver:
    name = "fcctl"
    isolation = "a microVM of its own on another server: own kernel, own files, own network"
    takes_forks = True
    makes_machines = True
    fixed_size = SIZE

    def __init__(self, premises: Premises, *, pace: Pace | None = None) -> None:
        self._folder = premises.sandboxes.resolve()
        self._records = Records(premises.folder.resolve() / "fcctl")
        self._url = premises.fcctl_url
        self._token = premises.fcctl_token
        self._kind = premises.image if premises.image in KINDS else USUAL_KIND
        self._pace = pace or Pace()
        self._api = Api(self._url, self._token)

    async def probe(self) -> Probe:
        """Asks for a machine, runs a command in it and releases it."""
        if not self._url:
            return Probe(works=False, why="FIRECRACKER_API_URL is not set: it names the management API's server")
        sandbox = self.create(SandboxSpec(id=SandboxId(f"probe-{os.urandom(6).hex()}")))
        try:
            bearer.check(self._token, time.time())
            health = await self._api.call(requests.health(), Health)
            await sandbox.start()
            ended, _ = await run(sandbox, ["true"])
        except (SandboxError, OSError) as trouble:
            return Probe(works=False, why=str(trouble))
        finally:
            trouble = await _ended(sandbox)
        if ended.code != 0 or trouble:
            return Probe(works=False, why=trouble or f"`true` ended with {ended.code} in a machine")
        words = [f"{self._api.place} is {health.status[:40]!r} and ran a command in a machine", *self._warnings()]
        return Probe(works=True, why="; ".join(words))

    def _warnings(self) -> list[str]:
        parts = urlsplit(self._url)
        clear = parts.scheme == "http" and parts.hostname not in LOOPBACK
        spoken = "the token and the jobs' data travel unencrypted: use https" if clear else ""
        return [text for text in (spoken, bearer.warning(self._token, time.time())) if text]

    def create(self, spec: SandboxSpec) -> FcctlSandbox:
        return FcctlSandbox(
            spec,
            self._folder / spec.id,
            api=self._api,
            token=self._token,
            records=self._records,
            kind=self._kind,
            pace=self._pace,
        )

    async def prepare(self, shape: Shape) -> Prepared | None:
        """The server keeps its own images."""
        return None

    async def sweep(self, live: Collection[SandboxId]) -> list[Swept]:
        kept: set[SandboxId] = set()
        swept: list[Swept] = []
        for record in await asyncio.to_thread(self._records.all):
            if record.sandbox in live or record.owned_elsewhere:
                continue
            done = await self._sweep_one(record)
            swept.append(done)
            if not done.removed:
                kept.add(SandboxId(record.sandbox))
        return [*swept, *await asyncio.to_thread(sweep, self._folder, Live(lambda: live, lambda: kept))]

    async def _sweep_one(self, record: Record) -> Swept:
        try:
            machines = [record.vm] if record.vm else await self._named(record.name)
            for vm in machines:
                await self._api.release(vm)
        except SandboxError as trouble:
            return Swept(record.sandbox, f"its machine {record.vm} cannot be released: {trouble}", removed=False)
        self._records.forget(record)
        return Swept(record.sandbox, f"its machine {', '.join(machines) or 'was never made'}", removed=True)

    async def _named(self, name: str) -> list[str]:
        """Of one whose id never came back: found where the server keeps the names that it is asked for."""
        listed = await self._api.call(requests.listing(), Machines)
        return [requests.named(machine.id, "the machine") for machine in listed.vms if machine.name == name]


async def _ended(sandbox: FcctlSandbox) -> str:
    try:
        await sandbox.destroy()
    except SandboxError as trouble:
        return str(trouble)
    return ""
