"""Repositories as the parser and the agents read them: a clone that is there already, else a mirror of our own.

`REPOSITORY_PATH/owner/name[.git]` is read as it is and never written to. What it lacks is fetched, by the rules of
`addresses` and `fetching`, into `FIREBREAK_HOME/mirrors`.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path

from libs.contracts.ids import is_commit_sha
from libs.contracts.plan import Repository
from libs.github.addresses import ClonePolicy
from libs.github.clone import Clone, candidates, find_git_directory
from libs.github.fetching import Fetcher
from libs.github.git import Git
from libs.github.objects import ObjectReader
from libs.github.payload import is_repository_name
from libs.repositories import Base, Resolved, WorkflowFile
from libs.settings import Settings
from libs.sources import SourceError, SourceMissing, SourceRefused

MAX_READERS = 32
"""Open `git cat-file` processes, some 4 MB each; the one that was not used for longest is closed."""

BASE_SECONDS = 8.0
"""A diff is worth a short fetch; without it every path filter matches, as on GitHub."""


def open_mirrors(settings: Settings) -> Mirrors:
    """By the settings `repository_path`, `home`, `clone_hosts`, `clone_private` and `github_token`."""
    policy = ClonePolicy(settings.clone_hosts, settings.clone_private)
    fetcher = Fetcher(settings.home / "mirrors", policy, settings.github_token)
    return Mirrors(settings.repository_path, fetcher)


@dataclass
class Mirrors:
    """Close it when done: it holds processes."""

    repository_path: Path | None
    fetcher: Fetcher
    _readers: OrderedDict[Path, ObjectReader] = field(default_factory=OrderedDict[Path, ObjectReader])

    async def commit(self, repository: Repository, sha: str, hints: tuple[str, ...], seconds: float) -> MirrorCommit:
        clone = await self.clone_with(repository, sha, hints, seconds)
        await self._trim()
        return MirrorCommit(self, repository, clone, sha)

    async def clone_with_both(self, repository: Repository, sha: str, base: str) -> Clone:
        """A clone that holds two commits. Raises SourceMissing, SourceRefused."""
        for commit in (sha, base):
            await self.fetcher.fetch(repository, commit, (), BASE_SECONDS)
        return self.clone(self.fetcher.directory(repository))

    async def clone_with(self, repository: Repository, sha: str, hints: tuple[str, ...], seconds: float) -> Clone:
        """A clone that holds the commit. Raises SourceMissing, SourceRefused."""
        _check(repository)
        if not is_commit_sha(sha):
            raise SourceMissing(f"{sha[:100]!r} is no commit (40 hexadecimal digits)")
        for directory in (self.local(repository), self.fetcher.directory(repository)):
            if directory is not None and find_git_directory(directory) and await self.clone(directory).has(sha):
                return self.clone(directory)
        await self.fetcher.fetch(repository, sha, hints, seconds)
        fetched = self.clone(self.fetcher.directory(repository))
        if not await fetched.has(sha):
            raise SourceMissing(
                f"{repository.full_name} has no commit {sha}: it was removed by a forced push, or never pushed"
            )
        return fetched

    async def refresh(self, repository: Repository, seconds: float) -> None:
        """Every branch and tag of a mirror of our own; a clone at REPOSITORY_PATH is as it is."""
        _check(repository)
        if self.local(repository) is None:
            await self.fetcher.refresh(repository, seconds)

    async def resolve(self, repository: Repository, ref: str, seconds: float) -> Resolved:
        """`HEAD` is the default branch. Raises SourceMissing, SourceRefused."""
        _check(repository)
        local = self.local(repository)
        found = None if local is None else await self.clone(local).resolve(ref)
        if found is not None:
            return found
        if is_commit_sha(ref):
            await self.clone_with(repository, ref, (), seconds)
            return Resolved(ref, "")
        if ref == "HEAD":
            return await self.fetcher.default(repository)
        wanted = [name for name in candidates(ref) if not name.startswith("refs/remotes/")]
        listed = await self.fetcher.listed(repository, tuple(wanted)) if wanted else {}
        for name in wanted:
            if name in listed:
                return Resolved(listed[name], name)
        raise SourceMissing(f"{repository.full_name} has no branch and no tag {ref[:200]!r}")

    def local(self, repository: Repository) -> Path | None:
        """The git directory below REPOSITORY_PATH, if there is one.

        A repository without an id is one that a job named, not one that an event came from: what it may read of those
        is what the public may, except on a machine of one's own.
        """
        if self.repository_path is None or not (repository.id or self.fetcher.policy.private):
            return None
        owner = self.repository_path / repository.owner
        found = (find_git_directory(owner / name) for name in (f"{repository.name}.git", repository.name))
        return next((directory for directory in found if directory is not None), None)

    def clone(self, directory: Path) -> Clone:
        git = Git()
        reader = self._readers.pop(directory, None) or ObjectReader(directory, git)
        self._readers[directory] = reader
        return Clone(directory, git, reader)

    async def _trim(self) -> None:
        """Closes the readers that are too many."""
        while len(self._readers) > MAX_READERS:
            _, reader = self._readers.popitem(last=False)
            await reader.close()

    async def close(self) -> None:
        await self.fetcher.close()
        readers = list(self._readers.values())
        self._readers.clear()
        await asyncio.gather(*(reader.close() for reader in readers))


@dataclass(frozen=True, slots=True)
class MirrorCommit:
    """One commit as the parser sees it. What a diff begins at may be elsewhere still: after a forced push, or the base
    of a pull request."""

    mirrors: Mirrors
    repository: Repository
    clone: Clone
    sha: str

    async def workflows(self) -> list[WorkflowFile]:
        return await self.clone.workflows(self.sha)

    async def workflow(self, path: str) -> WorkflowFile | None:
        return next(iter(await self.clone.workflows(self.sha, (path,))), None)

    async def root_files(self) -> tuple[str, ...]:
        return await self.clone.root_files(self.sha)

    async def message(self) -> str:
        return await self.clone.message(self.sha)

    async def changed_paths(self, base: Base) -> tuple[str, ...] | None:
        if await self.clone.has(base.sha):
            return await self.clone.changed_paths(self.sha, base)
        if not is_commit_sha(base.sha):
            return None
        try:
            both = await self.mirrors.clone_with_both(self.repository, self.sha, base.sha)
        except SourceError:
            return None
        return await both.changed_paths(self.sha, base)


def _check(repository: Repository) -> None:
    """They become folders: what reaches this point was checked before, and a mistake there must not become a path."""
    for name in (repository.owner, repository.name):
        if not is_repository_name(name):
            raise SourceRefused(f"{name[:100]!r} is no repository's or owner's name")
