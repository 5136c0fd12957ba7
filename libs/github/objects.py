"""Reads git objects through one `git cat-file --batch` that stays open: 0.02 ms an object, where a process takes 1.7.

Knows object names and their bytes; what a commit means to a workflow is known elsewhere. One question at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from libs.github.git import Git, stop

READ_SECONDS = 10.0
"""For one object: a disk that takes longer is broken, and an intake has 30 s in all."""
SYMLINK = "120000"
FOLDER = "40000"
SUBMODULE = "160000"


class ObjectMissing(Exception):
    """There is no such object, or it is not one of the kind that was asked for."""


class ObjectTooLarge(Exception):
    """It is over the reader's bound; its bytes were not read."""


class ReaderBroken(Exception):
    """git ended, or spoke something else than its protocol."""


class Entry(msgspec.Struct, frozen=True):
    """A line of a folder. `mode` is git's: a file `100644` or `100755`, or one of the constants above."""

    mode: str
    name: str
    id: str


class CommitObject(msgspec.Struct, frozen=True):
    parents: tuple[str, ...]
    message: str


@dataclass
class ObjectReader:
    """For one git directory. Close it when done: it holds a process."""

    directory: Path
    git: Git
    _process: asyncio.subprocess.Process | None = None
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _closed: bool = False

    async def read(self, name: str, kind: str, limit_bytes: int) -> bytes:
        """`name` is an object's id, or `<commit>:<path>`; without line breaks. Raises ObjectMissing, ObjectTooLarge,
        ReaderBroken."""
        async with self._turn:
            try:
                async with asyncio.timeout(READ_SECONDS):
                    return await self._ask(name, kind, limit_bytes)
            except (TimeoutError, OSError, asyncio.IncompleteReadError) as error:
                await self._end()
                raise ReaderBroken(f"git cat-file in {self.directory}: {error or 'no answer'}") from None
            except (asyncio.CancelledError, ObjectTooLarge, ReaderBroken):
                # Its answer, or the rest of it, is still under way: the next question needs a fresh process.
                await self._end()
                raise
            finally:
                if self._closed:
                    await self._end()

    async def commit(self, sha: str) -> CommitObject:
        """Raises ObjectMissing where the name is of no commit."""
        head, _, message = (await self.read(sha, "commit", 1024 * 1024)).partition(b"\n\n")
        parents = [line[7:].decode("ascii") for line in head.split(b"\n") if line.startswith(b"parent ")]
        return CommitObject(tuple(parents), message.decode("utf-8", "replace"))

    async def folder(self, name: str) -> list[Entry]:
        """Raises ObjectMissing where there is no such folder."""
        listing = await self.read(name, "tree", 16 * 1024 * 1024)
        return list(_entries(listing, len(name.partition(":")[0]) // 2))

    async def close(self) -> None:
        """Whoever still has it may go on asking: each question then takes a process of its own."""
        self._closed = True
        async with self._turn:
            await self._end()

    async def _ask(self, name: str, kind: str, limit_bytes: int) -> bytes:
        if "\n" in name or "\r" in name:
            raise ObjectMissing("an object's name is one line")
        stdin, stdout = await self._streams()
        stdin.write(name.encode() + b"\n")
        await stdin.drain()
        header = (await stdout.readline()).decode("utf-8", "replace").rstrip("\n")
        words = header.rsplit(" ", 2)
        if header.endswith((" missing", " ambiguous")):
            raise ObjectMissing(f"{name} is not in {self.directory}")
        if len(words) != 3 or not words[2].isdigit():
            raise ReaderBroken(f"git cat-file in {self.directory} answered {header[:100]!r}")
        size = int(words[2])
        if size > limit_bytes:
            raise ObjectTooLarge(f"{name} has {size} bytes, over the bound of {limit_bytes}")
        content = await stdout.readexactly(size + 1)
        if words[1] != kind:
            raise ObjectMissing(f"{name} is a {words[1]}, not a {kind}")
        return content[:-1]

    async def _streams(self) -> tuple[asyncio.StreamWriter, asyncio.StreamReader]:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                *self.git.command("cat-file", "--batch", directory=self.directory),
                env=self.git.environment(),
                cwd=self.directory,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                start_new_session=True,
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        return self._process.stdin, self._process.stdout

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            await stop(process)


def _entries(listing: bytes, id_bytes: int) -> Iterator[Entry]:
    """A tree: `<mode> <name>\\0<id>`, the id as `id_bytes` raw bytes."""
    place = 0
    while place < len(listing):
        space = listing.index(b" ", place)
        end = listing.index(b"\0", space)
        following = end + 1 + id_bytes
        yield Entry(
            listing[place:space].decode("ascii"),
            listing[space + 1 : end].decode("utf-8", "surrogateescape"),
            listing[end + 1 : following].hex(),
        )
        place = following
