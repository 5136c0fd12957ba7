"""One commit's files as a tar, without `.git`: what `git archive` makes, which is what GitHub serves of an action.

Nothing is written to a disk; what a hostile repository unpacks to is bounded while it is read.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

from libs.github.git import Git, stop
from libs.sources import SourceMissing

EXPORT_BYTES = 1024**3
"""Actions are some megabytes; this one would hold a repository with its dependencies ten times over."""
PIECE_SECONDS = 60.0
"""How long git may be silent: it unpacks a delta of hundreds of megabytes in less."""
PIECE_BYTES = 256 * 1024


async def export(directory: Path, commit: str, name: str) -> AsyncGenerator[bytes]:
    """`name` is for messages. Raises SourceMissing where it is too much, too slow, or the clone is damaged."""
    git = Git()
    process = await asyncio.create_subprocess_exec(
        *git.command("archive", "--format=tar", commit, directory=directory),
        env=git.environment(),
        cwd=directory,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    assert process.stdout is not None
    size = 0
    try:
        while piece := await _next(process.stdout, f"{name} at {commit}"):
            size += len(piece)
            if size > EXPORT_BYTES:
                raise SourceMissing(f"{name} at {commit} has more than {EXPORT_BYTES // 1024**2} MiB of files")
            yield piece
        code = await process.wait()
    finally:
        await stop(process)
    if code != 0:
        raise SourceMissing(f"{name}: the files of {commit} cannot be read from {directory} (git archive: {code})")


async def _next(stream: asyncio.StreamReader, what: str) -> bytes:
    try:
        async with asyncio.timeout(PIECE_SECONDS):
            return await stream.read(PIECE_BYTES)
    except TimeoutError:
        raise SourceMissing(f"{what} was not read: git said nothing for {PIECE_SECONDS:.0f} s") from None
