"""A folder as a stream of tar: written by a thread as fast as it is read, so that no size of it is held in memory."""

from __future__ import annotations

import asyncio
import os
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path

PIECE_BYTES = 256 * 1024


async def archive(folder: Path, paths: list[str] | None = None) -> AsyncIterator[bytes]:
    """Names are relative to `folder`, owners are dropped. `paths` names the files to take, or everything is taken."""
    reading, writing = os.pipe()
    loop = asyncio.get_running_loop()
    stream = asyncio.StreamReader(PIECE_BYTES)
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(reading, "rb", buffering=0)
    )
    work = asyncio.ensure_future(asyncio.to_thread(_write, writing, folder, paths))
    try:
        while piece := await stream.read(PIECE_BYTES):
            yield piece
        await work
    finally:
        # A reader that stopped early closes the pipe, and the thread ends on it.
        transport.close()
        await asyncio.wait((work,))
        if not work.cancelled():
            work.exception()


def _write(writing: int, folder: Path, paths: list[str] | None) -> None:
    try:
        with (
            os.fdopen(writing, "wb", buffering=PIECE_BYTES) as pipe,
            tarfile.open(fileobj=pipe, mode="w|", bufsize=PIECE_BYTES, format=tarfile.PAX_FORMAT) as tar,
        ):
            for name in sorted(os.listdir(folder)) if paths is None else paths:
                tar.add(folder / name, arcname=name, filter=_anonymous)
    except BrokenPipeError:
        return


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Sockets and devices are not source code."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry if entry.isfile() or entry.isdir() or entry.issym() or entry.islnk() else None
