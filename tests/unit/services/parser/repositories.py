"""Repositories in memory: the same port as the mirrors, the same errors."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from libs.contracts.plan import Repository
from libs.repositories import Base, Resolved, WorkflowFile
from libs.sources import SourceMissing


@dataclass
class MemoryCommit:
    sha: str
    files: dict[str, str] = field(default_factory=dict[str, str])
    text: str = "A change"
    changed: tuple[str, ...] | None = ()
    asked: list[Base] = field(default_factory=list[Base])

    async def workflows(self) -> list[WorkflowFile]:
        names = sorted(name for name in self.files if name.startswith(".github/workflows/"))
        return [WorkflowFile(name, self.files[name].encode()) for name in names]

    async def workflow(self, path: str) -> WorkflowFile | None:
        return WorkflowFile(path, self.files[path].encode()) if path in self.files else None

    async def root_files(self) -> tuple[str, ...]:
        return tuple(name for name in self.files if "/" not in name)

    async def message(self) -> str:
        return self.text

    async def changed_paths(self, base: Base) -> tuple[str, ...] | None:
        self.asked.append(base)
        return self.changed


@dataclass
class MemoryRepositories:
    commits: dict[str, MemoryCommit] = field(default_factory=dict[str, MemoryCommit])
    refs: dict[str, str] = field(default_factory=dict[str, str])
    delays_seconds: dict[str, float] = field(default_factory=dict[str, float])

    def add(self, sha: str, **workflows: str) -> MemoryCommit:
        files = {f".github/workflows/{name}.yml": text for name, text in workflows.items()}
        self.commits[sha] = MemoryCommit(sha, files)
        return self.commits[sha]

    async def commit(self, repository: Repository, sha: str, hints: tuple[str, ...], seconds: float) -> MemoryCommit:
        await asyncio.sleep(self.delays_seconds.get(sha, 0))
        if sha not in self.commits:
            raise SourceMissing(f"{repository.full_name} has no commit {sha}")
        return self.commits[sha]

    async def resolve(self, repository: Repository, ref: str, seconds: float) -> Resolved:
        if ref == "HEAD":
            ref = "refs/heads/main"
        for full in (ref, f"refs/heads/{ref}", f"refs/tags/{ref}"):
            if full in self.refs:
                return Resolved(self.refs[full], full)
        if ref in self.commits:
            return Resolved(ref, "")
        raise SourceMissing(f"{repository.full_name} has no branch and no tag {ref!r}")
