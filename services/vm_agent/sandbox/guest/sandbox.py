"""What every sandbox with a guest agent in it does alike: files in and out, and whether it can be used at all.

A driver adds how its guest comes to be, how it is stopped and how it ends, and which commands it can run.
"""

from __future__ import annotations

from services.vm_agent.sandbox.guest import commands
from services.vm_agent.sandbox.guest.channel import Channel
from services.vm_agent.sandbox.guest.paths import PATHS
from services.vm_agent.sandbox.protocol import FILE_BYTES, SandboxId, SandboxLost, TarStream


class GuestSandbox:
    """`_why_unusable` is empty while the guest can be spoken to over `_channel`."""

    def __init__(self, sandbox_id: SandboxId) -> None:
        self.id = sandbox_id
        self.paths = PATHS
        self._channel: Channel | None = None
        self._why_unusable = "it is not started"

    async def put(self, archive: TarStream | bytes, path: str) -> None:
        await commands.put(self._usable(), archive, path)

    def get(self, path: str) -> TarStream:
        return commands.get(self._usable(), path)

    async def make_folder(self, path: str) -> None:
        await commands.make_folder(self._usable(), path)

    async def write_file(self, path: str, data: bytes, mode: int = 0o644) -> None:
        await commands.write_file(self._usable(), path, data, mode)

    async def read_file(self, path: str, limit_bytes: int = FILE_BYTES) -> bytes | None:
        return await commands.read_file(self._usable(), path, limit_bytes)

    def _usable(self) -> Channel:
        """Raises SandboxLost."""
        if self._channel is not None and self._channel.lost is not None and not self._why_unusable:
            raise SandboxLost(str(self._channel.lost))
        if self._why_unusable or self._channel is None:
            raise SandboxLost(f"sandbox {self.id} cannot be used: {self._why_unusable}")
        return self._channel
