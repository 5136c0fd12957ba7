"""Brings the files of actions into a job's sandbox, each repository at each reference once a job.

The job's own repository is read as its checkout is; any other one as a stranger would read it. What a reference meant
when it was first used it means to the end of the job.
"""

from __future__ import annotations

import asyncio
import posixpath
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from libs.contracts.ids import RepositoryId
from libs.contracts.orders import JobOrder
from libs.contracts.plan import Repository
from libs.sources import SourceError, Sources, SourceUnreachable, Wanted
from libs.workflow.actions.uses import Local, Remote, Same
from services.vm_agent.job.actions.use import ActionFailed, Found, Origin, OutOfReach
from services.vm_agent.job.places import Places
from services.vm_agent.sandbox.protocol import ArchiveRefused, FileTrouble, Sandbox

RETRY_SECONDS = (2.0, 8.0)
"""Before each further try at a repository that does not answer; GitHub's runner tries three times as well."""
_PLAIN = re.compile(r"[A-Za-z0-9._-]{1,100}")


@dataclass(slots=True)
class Library:
    """`sources` has the job's own repository, `others` those of actions."""

    sandbox: Sandbox
    places: Places
    order: JobOrder
    sources: Sources
    others: Sources
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    _commits: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    _folders: dict[str, str] = field(default_factory=dict[str, str])
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def origin(self) -> Origin:
        """Of the workflow file in which the job stands."""
        called = self.order.workflow
        if called is not None:
            return Origin(called.repository, called.sha)
        return Origin(self.order.repository.full_name, self.order.sha)

    async def find(self, reference: Local | Same | Remote, origin: Origin) -> Found:
        """Raises ActionFailed, OutOfReach, SandboxError."""
        match reference:
            case Local(path):
                folder = posixpath.normpath(posixpath.join(self.places.workspace, path))
                return Found(folder, f"./{path}" if path != "." else "./", self.origin())
            case Same(path):
                folder = await self._placed(origin.repository, origin.commit)
                label = f"$/{path}"
                return Found(_within(folder, path), label, origin, origin.repository, origin.commit)
            case Remote(path=path, ref=ref):
                folder = await self._placed(reference.full_name, ref)
                commit = self._commits[reference.full_name.lower(), ref]
                label = "/".join(filter(None, (reference.full_name, path))) + f"@{ref}"
                inner = Origin(reference.full_name, commit)
                return Found(_within(folder, path), label, inner, reference.full_name, ref)

    def fetched(self) -> dict[str, str]:
        """The commits that references stand for, by `owner/name@ref` in lower case, so far."""
        return {f"{repository}@{ref}": commit for (repository, ref), commit in self._commits.items()}

    async def _placed(self, full_name: str, ref: str) -> str:
        """The folder in the sandbox with that repository's files."""
        async with self._lock:
            key = (full_name.lower(), ref)
            if key not in self._commits:
                self._commits[key] = await self._place(full_name, ref)
            return self._folders[f"{key[0]}@{self._commits[key]}"]

    async def _place(self, full_name: str, ref: str) -> str:
        owner, _, name = full_name.partition("/")
        own = full_name.lower() == self.order.repository.full_name.lower()
        repository = self.order.repository if own else Repository(RepositoryId(0), owner, name)
        sources = self.sources if own else self.others
        wanted = _wanted(repository, ref)
        for pause_seconds in RETRY_SECONDS:
            try:
                return await self._put(sources, wanted, full_name, ref)
            except OutOfReach:
                await self.pause(pause_seconds)
        return await self._put(sources, wanted, full_name, ref)

    async def _put(self, sources: Sources, wanted: Wanted, full_name: str, ref: str) -> str:
        """The commit, its files being in the sandbox."""
        owner, _, name = full_name.partition("/")
        try:
            async with sources.checkout(wanted) as source:
                known = f"{full_name.lower()}@{source.commit}"
                if wanted.commit is not None and source.commit != wanted.commit:
                    raise ActionFailed(f"{full_name}: {wanted.commit} was asked for, and {source.commit} came")
                if known not in self._folders:
                    folder = posixpath.join(self.places.actions, owner, name, _folder_name(ref, source.commit))
                    await self.sandbox.put(source.archive, folder)
                    self._folders[known] = folder
                return source.commit
        except SourceUnreachable as error:
            raise OutOfReach(f"Unable to reach action `{full_name}@{ref}`: {error}") from None
        except SourceError as error:
            raise ActionFailed(f"Unable to resolve action `{full_name}@{ref}`: {error}") from None
        except (ArchiveRefused, FileTrouble) as error:
            raise ActionFailed(f"Unable to unpack action `{full_name}@{ref}`: {error}") from None


def _wanted(repository: Repository, ref: str) -> Wanted:
    commit = Remote(repository.owner, repository.name, "", ref).commit
    return Wanted(repository, commit=commit, ref=None if commit else ref)


def _within(folder: str, path: str) -> str:
    return posixpath.join(folder, path) if path else folder


def _folder_name(ref: str, commit: str) -> str:
    """The reference, as on GitHub, where it is a plain name; two references never share a folder."""
    return ref if _PLAIN.fullmatch(ref) and ref not in (".", "..") else commit
