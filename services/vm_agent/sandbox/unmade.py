"""A sandbox that its driver could not even begin to make, as when the image is damaged: it says why when it is started.

So that a job which gets one ends as every job does whose sandbox does not start: as an error, with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.vm_agent.sandbox.footprint import Footprint
from services.vm_agent.sandbox.protocol import (
    FILE_BYTES,
    Capability,
    Driver,
    Exec,
    GuestPaths,
    Output,
    Ready,
    Sandbox,
    SandboxError,
    SandboxLost,
    SandboxSpec,
    SnapshotId,
    TarStream,
)


def made(driver: Driver, spec: SandboxSpec) -> Sandbox:
    """The driver's sandbox, or one that says why there is none."""
    try:
        return driver.create(spec)
    except (SandboxError, OSError) as error:
        return Unmade(spec, error)


class Unmade:
    def __init__(self, spec: SandboxSpec, why: Exception) -> None:
        self.id = spec.id
        self.capabilities: frozenset[Capability] = frozenset()
        self.paths = GuestPaths("", "", "", "")
        self.footprint = Footprint(id=spec.id, folder="")
        self._why = why

    async def start(self) -> Ready:
        raise self._lost()

    async def exec(
        self, argv: Sequence[str], *, env: Mapping[str, str], cwd: str, output: Output, user: str | None = None
    ) -> Exec:
        raise self._lost()

    async def put(self, archive: TarStream | bytes, path: str) -> None:
        raise self._lost()

    def get(self, path: str) -> TarStream:
        raise self._lost()

    async def make_folder(self, path: str) -> None:
        raise self._lost()

    async def write_file(self, path: str, data: bytes, mode: int = 0o644) -> None:
        raise self._lost()

    async def read_file(self, path: str, limit_bytes: int = FILE_BYTES) -> bytes | None:
        raise self._lost()

    async def pause(self) -> None:
        raise self._lost()

    async def resume(self) -> None:
        raise self._lost()

    async def snapshot(self) -> SnapshotId:
        raise self._lost()

    async def restore(self, snapshot: SnapshotId) -> None:
        raise self._lost()

    async def destroy(self) -> None: ...

    def _lost(self) -> SandboxLost:
        return SandboxLost(str(self._why))
