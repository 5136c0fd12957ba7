"""Where the repositories of actions come from: clones that are offered, else a shallow mirror of our own.

The port is that of `libs.sources`; what comes is the files of one commit, without `.git`. Everything is fetched as a
stranger would, without a token: a job must not read by `uses` what the public cannot. A commit that is here is never
fetched again; a tag or a branch is asked for each time, for it may have moved.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import msgspec.structs

from libs.contracts.ids import is_commit_sha
from libs.contracts.plan import Repository
from libs.github.addresses import ClonePolicy
from libs.github.clone import find_git_directory
from libs.github.eviction import evict, touch
from libs.github.exporting import export
from libs.github.fetching import Fetcher
from libs.github.git import Git, GitFailed
from libs.github.payload import is_ref, is_repository_name
from libs.repositories import Resolved
from libs.settings import GITHUB_URL, Settings
from libs.sources import Source, SourceMissing, SourceRefused, SourceUnreachable, Wanted
from libs.telemetry import log

FETCH_SECONDS = 300.0
"""What a job waits for an action's repository: of most of them a commit is there in seconds."""
LOOK_SECONDS = 10.0
_log = log.get("mirror")


def open_actions(settings: Settings, offered: tuple[Path, ...] = ()) -> ActionMirrors:
    """By the settings `home`, `clone_hosts`, `clone_private`, `actions_url` and `actions_from`; `offered` comes before
    that. Close it when done."""
    parts = urlsplit(settings.actions_url)
    # Who names a mirror of his own means it, on whatever address it is.
    private = settings.clone_private or settings.actions_url != GITHUB_URL
    policy = ClonePolicy((*settings.clone_hosts, parts.netloc), private)
    fetcher = Fetcher(settings.home / "actions", policy, shallow=True)
    return ActionMirrors((*offered, *settings.actions_from), settings.actions_url, fetcher)


@dataclass(frozen=True)
class ActionMirrors:
    """`offered` are folders with clones at `owner/name[.git]`; `base_url` is where all others are."""

    offered: tuple[Path, ...]
    base_url: str
    fetcher: Fetcher

    @asynccontextmanager
    async def checkout(self, wanted: Wanted) -> AsyncGenerator[Source]:
        repository = self._addressed(wanted.repository)
        ref = wanted.commit or wanted.ref or "HEAD"
        directory, found = await self._offered(repository, ref) or await self._from_afar(repository, ref)
        files = export(directory, found.sha, repository.full_name)
        try:
            yield Source(found.sha, found.ref, files)
        finally:
            await files.aclose()

    async def close(self) -> None:
        await self.fetcher.close()

    def _make_room(self, directory: Path) -> None:
        touch(directory)
        for name in evict(self.fetcher.folder, time.time()):
            _log.info("an action's repository was not used for long and made room", mirror=name)

    def _addressed(self, repository: Repository) -> Repository:
        for name in (repository.owner, repository.name):
            if not is_repository_name(name):
                raise SourceRefused(f"{name[:100]!r} is no repository's or owner's name")
        return msgspec.structs.replace(repository, clone_url=f"{self.base_url}/{repository.full_name}.git")

    async def _offered(self, repository: Repository, ref: str) -> tuple[Path, Resolved] | None:
        for directory in self._clones(repository):
            found = await _look(directory, ref)
            if found is not None:
                return directory, found
        return None

    def _clones(self, repository: Repository) -> list[Path]:
        names = (repository.name, f"{repository.name}.git")
        places = [folder / repository.owner / name for folder in self.offered for name in names]
        return [directory for directory in map(find_git_directory, places) if directory is not None]

    def _instead(self, repository: Repository, ref: str) -> str:
        """What would serve without a network."""
        for directory in self._clones(repository):
            return f"the clone at {directory} has no tag, no branch and no commit {ref[:200]!r}"
        return f"a clone at {repository.full_name} in a folder of FIREBREAK_ACTIONS_FROM serves without a network"

    async def _from_afar(self, repository: Repository, ref: str) -> tuple[Path, Resolved]:
        try:
            return await self._fetched(repository, ref)
        except (SourceRefused, SourceUnreachable) as error:
            raise type(error)(f"{error}; {self._instead(repository, ref)}") from None

    async def _fetched(self, repository: Repository, ref: str) -> tuple[Path, Resolved]:
        found = Resolved(ref.lower(), "") if is_commit_sha(ref.lower()) else await self._asked(repository, ref)
        directory = self.fetcher.directory(repository)
        touch(directory)
        if find_git_directory(directory) is None or await _commit(directory, found.sha) is None:
            await self.fetcher.fetch(repository, found.sha, (), FETCH_SECONDS)
            await asyncio.to_thread(self._make_room, directory)
        if await _commit(directory, found.sha) is None:
            raise SourceMissing(f"{repository.full_name} has no commit {found.sha}")
        return directory, found

    async def _asked(self, repository: Repository, ref: str) -> Resolved:
        if ref == "HEAD":
            return await self.fetcher.default(repository)
        names = _candidates(ref)
        listed = await self.fetcher.listed(repository, names) if names else {}
        for name in names:
            if name in listed:
                return Resolved(listed[name], name)
        hint = "; a commit has to be written whole" if _is_short_commit(ref) else ""
        raise SourceMissing(f"{repository.full_name} has no tag and no branch {ref[:200]!r}{hint}")


async def _look(directory: Path, ref: str) -> Resolved | None:
    """What a ref is in a clone that is here; None where it has none of this name."""
    if is_commit_sha(ref.lower()):
        commit = await _commit(directory, ref.lower())
        return None if commit is None else Resolved(commit, "")
    for name in ("HEAD",) if ref == "HEAD" else (*_candidates(ref), f"refs/remotes/origin/{ref}"):
        commit = await _commit(directory, name) if name == "HEAD" or is_ref(name) else None
        if commit is not None:
            return Resolved(commit, name)
    return None


def _candidates(ref: str) -> tuple[str, ...]:
    """A tag is what most references mean, and where a branch has its name, the tag counts."""
    names = (ref,) if ref.startswith("refs/") else (f"refs/tags/{ref}", f"refs/heads/{ref}")
    return tuple(name for name in names if is_ref(name))


async def _commit(directory: Path, name: str) -> str | None:
    command = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    try:
        return (await Git().run(*command, directory=directory, seconds=LOOK_SECONDS)).decode().strip()
    except GitFailed:
        return None


def _is_short_commit(ref: str) -> bool:
    return 7 <= len(ref) < 40 and all(character in "0123456789abcdef" for character in ref.lower())
