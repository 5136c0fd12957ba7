"""One folder of this machine as if it were a repository elsewhere: for `firebreak run DIR`.

Two ways to see it, and the caller chooses: as it lies there, uncommitted changes included, or one commit, exactly.
A folder that is not in git, or has no commit yet, is seen as it lies, under a name that no commit has (`NO_COMMIT`).
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from libs.contracts.plan import Repository
from libs.github.archive import archive
from libs.github.build import Head, build
from libs.github.clone import Clone, find_git_directory
from libs.github.git import Git
from libs.github.objects import ObjectReader
from libs.github.sources import full_ref
from libs.github.work_tree import WorkTree
from libs.repositories import WORKFLOWS_FOLDER, Base, Resolved, WorkflowFile
from libs.sources import Source, SourceMissing, Wanted

NO_COMMIT = "0" * 39 + "1"
"""No commit has this name. All zeros would do for git, but in a push they mean that the branch was deleted."""


def open_directory(path: Path, places: tuple[str, ...] = (WORKFLOWS_FOLDER,), *, as_it_lies: bool = True) -> Directory:
    """`places` are workflow files or folders of them, relative to the folder."""
    found = find_git_directory(path)
    clone = None if found is None else Clone(found, Git(), ObjectReader(found, Git()))
    return Directory(WorkTree(path, clone), places, as_it_lies)


@dataclass(frozen=True)
class Directory:
    """Both roles, for the parser and for the agent: `libs.repositories.Repositories`, `libs.sources.Sources`.

    It answers for whatever repository it is asked about: who runs it knows that there is only one. `as_it_lies` says
    whether the newest commit means the files as they are now; a caller that was named a commit says False. Close it
    when done.
    """

    tree: WorkTree
    places: tuple[str, ...]
    as_it_lies: bool

    async def head(self) -> Resolved:
        """The newest commit and its branch; `NO_COMMIT` where there is none."""
        found = None if self.tree.clone is None else await self.tree.clone.resolve("HEAD")
        return found or Resolved(NO_COMMIT, "refs/heads/main")

    async def commit(
        self, repository: Repository, sha: str, hints: tuple[str, ...], seconds: float
    ) -> DirectoryCommit | WorkTreeCommit:
        if await self._lies_there(sha):
            return WorkTreeCommit(self.tree, sha, self.places)
        return DirectoryCommit(await self._having(sha), sha, self.places)

    async def resolve(self, repository: Repository, ref: str, seconds: float) -> Resolved:
        head = await self.head()
        if ref in ("", "HEAD", head.ref, head.ref.removeprefix("refs/heads/")):
            return head
        found = None if self.tree.clone is None else await self.tree.clone.resolve(ref)
        if found is None:
            raise SourceMissing(f"{self.tree.path} has no branch and no tag {ref[:200]!r}")
        return found

    @asynccontextmanager
    async def checkout(self, wanted: Wanted) -> AsyncGenerator[Source]:
        head = await self._wanted(wanted)
        lies_there = await self._lies_there(head.commit)
        if lies_there and head.commit == NO_COMMIT:
            yield Source(head.commit, head.ref, archive(self.tree.path, await self.tree.files()))
            return
        clone = await self._having(head.commit)
        with tempfile.TemporaryDirectory(prefix="firebreak-checkout-") as name:
            folder = Path(name)
            await build(clone, head, folder, wanted.depth, wanted.repository.clone_url)
            if lies_there:
                await self.tree.overlay(folder)
            yield Source(head.commit, head.ref, archive(folder))

    async def close(self) -> None:
        if self.tree.clone is not None:
            await self.tree.clone.reader.close()

    async def _wanted(self, wanted: Wanted) -> Head:
        if wanted.commit is not None:
            return Head(wanted.commit, full_ref(wanted.ref))
        resolved = await self.resolve(wanted.repository, wanted.ref or "HEAD", 0)
        return Head(resolved.sha, resolved.ref)

    async def _lies_there(self, sha: str) -> bool:
        return self.as_it_lies and sha == (await self.head()).sha

    async def _having(self, sha: str) -> Clone:
        clone = self.tree.clone
        if clone is None:
            raise SourceMissing(f"{self.tree.path} is not in git, so it has no commit {sha}")
        if not await clone.has(sha):
            raise SourceMissing(f"{self.tree.path} has no commit {sha}: fetch it, or leave it out of the payload")
        return clone


@dataclass(frozen=True, slots=True)
class DirectoryCommit:
    """One commit, exactly."""

    clone: Clone
    sha: str
    places: tuple[str, ...]

    async def workflows(self) -> list[WorkflowFile]:
        return await self.clone.workflows(self.sha, self.places)

    async def workflow(self, path: str) -> WorkflowFile | None:
        return next(iter(await self.clone.workflows(self.sha, (path,))), None)

    async def root_files(self) -> tuple[str, ...]:
        return await self.clone.root_files(self.sha)

    async def message(self) -> str:
        return await self.clone.message(self.sha)

    async def changed_paths(self, base: Base) -> tuple[str, ...] | None:
        return await self.clone.changed_paths(self.sha, base)


@dataclass(frozen=True, slots=True)
class WorkTreeCommit:
    """The files as they lie there, in place of the newest commit."""

    tree: WorkTree
    sha: str
    places: tuple[str, ...]

    async def workflows(self) -> list[WorkflowFile]:
        return self.tree.workflows(self.places)

    async def workflow(self, path: str) -> WorkflowFile | None:
        return next(iter(self.tree.workflows((path,))), None)

    async def root_files(self) -> tuple[str, ...]:
        return self.tree.root_files()

    async def message(self) -> str:
        return "" if self.tree.clone is None or self.sha == NO_COMMIT else await self.tree.clone.message(self.sha)

    async def changed_paths(self, base: Base) -> tuple[str, ...] | None:
        """Committed and uncommitted changes; without git nobody can tell."""
        if self.tree.clone is None or self.sha == NO_COMMIT:
            return None
        committed = await self.tree.clone.changed_paths(self.sha, base)
        return None if committed is None else tuple(sorted({*committed, *await self.tree.changes()}))
