"""What the parser needs of repositories: one commit's workflow files, its message, and what changed. A port.

The adapters know git: `libs.github.mirror` for repositories elsewhere, `libs.github.directory` for a folder at hand.
They raise the errors of `libs.sources`: SourceMissing (it cannot be had) and SourceRefused (it is not allowed here).
"""

from __future__ import annotations

from typing import Literal, Protocol

import msgspec

from libs.contracts.plan import Repository

WORKFLOWS_FOLDER = ".github/workflows"
MAX_WORKFLOW_FILES = 256
"""Two hundred more than large projects have; each is read and parsed for every delivery."""
MAX_WORKFLOW_BYTES = 1024 * 1024
"""Ten times a workflow of 10,000 lines."""
MAX_COMMITS = 1000
MAX_CHANGED_FILES = 3000
"""GitHub's own limits of path filters: over 1,000 commits everything matches, of a diff the first 3,000 files count."""


class WorkflowFile(msgspec.Struct, frozen=True):
    """`path` is relative to the root. With a `problem` it could not be read, and `content` is empty."""

    path: str
    content: bytes
    problem: str = ""


class Base(msgspec.Struct, frozen=True):
    """What a diff begins at: a commit, the first parent of one, or where another branch left ours."""

    sha: str
    kind: Literal["commit", "parent", "merge-base"] = "commit"


class Resolved(msgspec.Struct, frozen=True):
    """A ref as it is now: the commit, and the full ref (empty where a commit was named)."""

    sha: str
    ref: str


class RepositoryCommit(Protocol):
    """One commit of a repository, at hand."""

    @property
    def sha(self) -> str: ...

    async def workflows(self) -> list[WorkflowFile]:
        """`.github/workflows/*.yml` and `*.yaml`, not in folders below, sorted by path."""
        ...

    async def workflow(self, path: str) -> WorkflowFile | None:
        """The file of this path, wherever it is; None where there is none."""
        ...

    async def root_files(self) -> tuple[str, ...]:
        """The names of the plain files at the root; none where the root is too large to be read."""
        ...

    async def message(self) -> str: ...

    async def changed_paths(self, base: Base) -> tuple[str, ...] | None:
        """Paths that differ from `base`, both names of a renamed one; the first `MAX_CHANGED_FILES`. None where there
        are over `MAX_COMMITS` commits between, or the diff cannot be made: then every path filter matches.
        """
        ...


class Repositories(Protocol):
    async def commit(
        self, repository: Repository, sha: str, hints: tuple[str, ...], seconds: float
    ) -> RepositoryCommit:
        """That commit, fetched if need be. `hints` are full refs that it may be found by, `seconds` the most that it
        may take. Raises SourceMissing, SourceRefused."""
        ...

    async def resolve(self, repository: Repository, ref: str, seconds: float) -> Resolved:
        """A full ref, or the name of a branch or else a tag, or a commit. Raises SourceMissing, SourceRefused."""
        ...
