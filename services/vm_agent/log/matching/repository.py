"""Which files are of the workflow's repository: those below a clone whose `.git/config` names it, as GitHub has it.

More than the runner: a workspace that is no clone at all, or one of a mirror, counts as the repository's itself.
"""

from __future__ import annotations

import posixpath
from collections.abc import Awaitable, Callable

from services.vm_agent.sandbox.protocol import FileTrouble

CONFIG_BYTES = 64 * 1024
SOURCE_BYTES = 4 * 1024 * 1024
"""A larger file is none of which a person reads a line."""
DEPTH = 50
"""Of folders between the workspace and a file, as in the runner."""
FOLDERS = 100
"""Remembered at a time, as in the runner: a job may name files of ever new folders."""


class RepositoryFolders:
    """`urls` are the addresses under which the repository is cloned."""

    def __init__(
        self, read: Callable[[str, int], Awaitable[bytes | None]], workspace: str, urls: tuple[str, ...]
    ) -> None:
        self._read, self._workspace = read, workspace
        self._urls = {url.lower().removesuffix(".git") for url in urls}
        self._roots: dict[str, str] = {}

    async def relative(self, path: str) -> str:
        """The file's path in the repository; empty where there is no such file, or it is of none or another one."""
        inside = path.startswith(self._workspace + "/")
        if not inside or path[len(self._workspace) :].count("/") > DEPTH or not await self._exists(path):
            return ""
        root = await self._root(posixpath.dirname(path))
        return path[len(root) + 1 :] if root else ""

    async def _root(self, folder: str) -> str:
        """The clone that the folder is in; empty where it is another repository's."""
        if len(self._roots) > FOLDERS:
            self._roots.clear()
        if folder not in self._roots:
            self._roots[folder] = await self._found_root(folder)
        return self._roots[folder]

    async def _found_root(self, folder: str) -> str:
        if folder == self._workspace:
            return folder
        config = await self._content(f"{folder}/.git/config", CONFIG_BYTES)
        if config is None:
            return await self._root(posixpath.dirname(folder))
        return folder if self._names_it(config.decode("utf-8", "replace")) else ""

    def _names_it(self, config: str) -> bool:
        for line in config.splitlines():
            key, _, value = line.partition("=")
            if key.strip() == "url" and value.strip().lower().removesuffix(".git") in self._urls:
                return True
        return False

    async def _exists(self, path: str) -> bool:
        return await self._content(path, SOURCE_BYTES) is not None

    async def _content(self, path: str, limit_bytes: int) -> bytes | None:
        try:
            return await self._read(path, limit_bytes)
        except FileTrouble:
            return None
