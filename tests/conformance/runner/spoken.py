"""A step that speaks: bytes as its processes print them and files as they leave them, and all that comes of it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from libs.blobs.memory import MemoryBlobs
from libs.contracts.blobs import BlobRef
from libs.contracts.logs import LogChunk
from libs.workflow.runner.commands import CommandReader
from libs.workflow.runner.masking import Masker
from services.vm_agent.job.answers import read_answers
from services.vm_agent.log.job_log import JobLog
from services.vm_agent.log.matching.matchers import Matchers
from services.vm_agent.log.matching.repository import RepositoryFolders
from services.vm_agent.log.said import Said
from services.vm_agent.log.spool import Spool
from services.vm_agent.log.step_output import StepOutput
from services.vm_agent.sandbox.protocol import FileTrouble

WORKSPACE = "/w/demo/demo"
NAMES = ("env", "output", "path", "state", "step_summary", "artifacts")


@dataclass
class Files:
    """Those of a sandbox, in memory."""

    files: dict[str, bytes] = field(default_factory=dict[str, bytes])

    async def read_file(self, path: str, limit_bytes: int) -> bytes | None:
        data = self.files.get(path)
        if data is not None and len(data) > limit_bytes:
            raise FileTrouble(f"{path} has {len(data)} bytes, {limit_bytes} are read")
        return data


@dataclass
class Spoken:
    lines: list[str]
    said: Said
    summary: str | None

    @property
    def everything(self) -> str:
        """All that leaves the agent, but for outputs: those are masked where they are stored."""
        return "\n".join([*self.lines, repr(self.said.annotations), self.summary or ""])


@dataclass
class State:
    said_characters: int = 0


@dataclass
class Around:
    sandbox: Files
    blobs: MemoryBlobs
    masker: Masker
    state: State = field(default_factory=State)


async def spoken(
    *pieces: bytes,
    env: dict[str, str] | None = None,
    secrets: tuple[str, ...] = (),
    files: dict[str, bytes] | None = None,
    written: dict[str, bytes] | None = None,
    debug: bool = False,
    machine_path: Callable[[str], str] | None = None,
    said_before: int = 0,
) -> Spoken:
    """`pieces` are what is read at a time; `written` are the runner files by their names in the `github` context."""
    chunks: list[LogChunk] = []

    async def stream(data: bytes) -> None:
        chunks.append(msgspec.json.decode(data, type=LogChunk))

    sandbox = Files({**(files or {}), **{f"/t/{name}": data for name, data in (written or {}).items()}})
    masker, blobs = Masker(secrets), MemoryBlobs()
    log = JobLog(stream, Spool(Path(tempfile.gettempdir())), time.monotonic)
    matchers = Matchers(sandbox.read_file, WORKSPACE, RepositoryFolders(sandbox.read_file, WORKSPACE, ()))
    reader = CommandReader(environment=env or {}, workspace=WORKSPACE, echo=debug)
    output = StepOutput(0, log, masker, reader, matchers=matchers, debug=debug)
    output.machine_path = machine_path
    try:
        for piece in pieces:
            await output.take(piece)
        await output.end()
        paths = {name: f"/t/{name}" for name in NAMES}
        summary = await read_answers(Around(sandbox, blobs, masker, State(said_before)), paths, output)  # pyright: ignore[reportArgumentType]
        await log.flush()
    finally:
        await log.close()
        await matchers.close()
    return Spoken([line for chunk in chunks for line in chunk.lines], output.said, await _text(blobs, summary))


async def _text(blobs: MemoryBlobs, ref: BlobRef | None) -> str | None:
    return None if ref is None else (await blobs.get(ref)).decode()
