"""Spawns one `bwrap` with the guest agent in it, held back until its processes are where they belong.

The files that are made up come as inherited descriptors; the guest agent closes whatever is left of them before any
job's code runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

from services.vm_agent.sandbox import descriptors
from services.vm_agent.sandbox.bubblewrap import view
from services.vm_agent.sandbox.bubblewrap.view import Folders, Inherited
from services.vm_agent.sandbox.protocol import DEFAULT_PATH, SandboxLost

AGENT_SOURCE = Path(__file__).resolve().parents[4] / "infra" / "guest" / "agent.py"
INFO_BYTES = 4096
COMPLAINT_BYTES = 2000


class Launch:
    """The bwrap process and what connects us to it: `channel` is our end of the guest's byte stream."""

    def __init__(self, program: str, *, home: str | None, tools: str | None, network: bool, uid: int | None) -> None:
        """Raises SandboxLost where it cannot be spawned."""
        self.channel, self._theirs = socket.socketpair()
        self._passed: list[int] = [self._theirs.fileno()]
        self._info, info = os.pipe()
        block, self._unblock = os.pipe()
        self._complaints = os.memfd_create("complaints")
        self._passed += [info, block]
        try:
            inherited = self._inherit(info, block, uid)
            folders = Folders(home=home, tools=tools, python=_python_prefix())
            arguments = view.arguments(inherited, folders, _links(), network=network, uid=uid)
            self.process = self._spawn(program, arguments)
        except OSError as trouble:
            self.channel.close()
            self.close()
            raise SandboxLost(f"{program} cannot be started: {trouble.strerror or trouble}") from None
        finally:
            self._theirs.close()
            for descriptor in self._passed[1:]:
                os.close(descriptor)

    async def init(self) -> int:
        """The pid of the guest's init, as the host sees it. Raises SandboxLost where bwrap made no namespaces."""
        os.set_blocking(self._info, False)
        try:
            return int(json.loads(await descriptors.read_all(self._info, INFO_BYTES))["child-pid"])
        except (ValueError, KeyError, TypeError):
            raise SandboxLost(f"bwrap made no sandbox: {await self.complaint()}") from None

    def release(self) -> None:
        """Lets the guest begin. A bwrap that has given up meanwhile is noticed when the guest says nothing."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self._unblock, b"1")

    async def complaint(self) -> str:
        """What bwrap, or Python before the agent took over, had to say."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.to_thread(self.process.wait), 1)
        text = os.pread(self._complaints, COMPLAINT_BYTES, 0).decode(errors="replace").strip()
        return text or f"it ended with {self.process.returncode} and said nothing"

    def close(self) -> None:
        """Ours alone; the process goes on."""
        for descriptor in (self._info, self._unblock, self._complaints):
            os.close(descriptor)

    def _inherit(self, info: int, block: int, uid: int | None) -> Inherited:
        return Inherited(
            channel=self._theirs.fileno(),
            info=info,
            block=block,
            agent=self._memory_file(AGENT_SOURCE.read_bytes()),
            files={path: self._memory_file(text.encode()) for path, text in view.files(uid).items()},
        )

    def _spawn(self, program: str, arguments: list[str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [program, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._complaints,
            env={"PATH": DEFAULT_PATH},
            cwd="/",
            pass_fds=self._passed,
            start_new_session=True,
        )

    def _memory_file(self, data: bytes) -> int:
        descriptor = os.memfd_create("file")
        self._passed.append(descriptor)
        os.write(descriptor, data)
        os.lseek(descriptor, 0, os.SEEK_SET)
        return descriptor


def _python_prefix() -> str | None:
    return None if os.path.exists(view.python(None)) else sys.base_prefix


def _links() -> dict[str, str]:
    return {name: os.readlink(f"/{name}") for name in view.SYSTEM_FOLDERS if os.path.islink(f"/{name}")}
