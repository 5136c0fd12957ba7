"""A directory as the parser sees it in a local run: its workflow files as they lie there, whatever commit is named.

What a payload says happened is looked up in the directory's git where it is there; a diff that cannot be made matches.
"""

from __future__ import annotations

from dataclasses import dataclass

from libs.contracts.plan import Repository
from libs.github.directory import Directory
from libs.repositories import Base, Repositories, RepositoryCommit, Resolved, WorkflowFile
from libs.sources import SourceError


@dataclass(frozen=True, slots=True)
class LocalCommit:
    directory: Directory
    sha: str

    async def workflows(self) -> list[WorkflowFile]:
        return self.directory.tree.workflows(self.directory.places)

    async def workflow(self, path: str) -> WorkflowFile | None:
        return next(iter(self.directory.tree.workflows((path,))), None)

    async def root_files(self) -> tuple[str, ...]:
        return self.directory.tree.root_files()

    async def message(self) -> str:
        clone = self.directory.tree.clone
        try:
            return await clone.message(self.sha) if clone is not None else ""
        except SourceError:
            return ""

    async def changed_paths(self, base: Base) -> tuple[str, ...] | None:
        clone = self.directory.tree.clone
        if clone is None or not await clone.has(self.sha):
            return None
        return await clone.changed_paths(self.sha, base)


@dataclass(frozen=True, slots=True)
class LocalRepositories:
    """`libs.repositories.Repositories` over one directory, which is the repository of every event; `others` are those
    whose workflows it calls, which have a name and no id.
    """

    directory: Directory
    others: Repositories

    async def commit(
        self, repository: Repository, sha: str, hints: tuple[str, ...], seconds: float
    ) -> RepositoryCommit:
        if not repository.id:
            return await self.others.commit(repository, sha, hints, seconds)
        return LocalCommit(self.directory, sha)

    async def resolve(self, repository: Repository, ref: str, seconds: float) -> Resolved:
        if not repository.id:
            return await self.others.resolve(repository, ref, seconds)
        try:
            return await self.directory.resolve(repository, ref, seconds)
        except SourceError:
            head = await self.directory.head()
            return Resolved(head.sha, ref) if ref.startswith("refs/") else head
