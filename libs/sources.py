"""What an agent needs of repositories: one commit's files, with `.git`, as a tar. A port; its adapters know git.

The commit that runs is the commit of the event, exactly: where it cannot be had, the answer is SourceMissing and never
another commit.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import msgspec

from libs.contracts.plan import Repository

WHOLE_HISTORY = 0
"""The depth that means every commit, tag and branch."""


class Wanted(msgspec.Struct, frozen=True):
    """`commit` is the exact commit where it is known; else `ref` (a branch, tag, full ref or commit) decides, and
    without either the default branch's newest commit.

    With both, the clone stands at `commit` and HEAD is what actions/checkout makes of `ref`: a branch for
    `refs/heads/x` or `x`, else detached. `depth` counts commits from there, `WHOLE_HISTORY` for all.
    """

    repository: Repository
    commit: str | None = None
    ref: str | None = None
    depth: int = 1


class Source(msgspec.Struct, frozen=True):
    """A clone made for one job. `archive` is an uncompressed tar of its work tree with `.git`, names relative to the
    clone's root: `git rev-parse HEAD` is `commit`, `git status` is clean, `origin` is the repository's clone URL.

    `ref` is the full ref, or empty where only a commit was named.
    """

    commit: str
    ref: str
    archive: AsyncIterator[bytes]


class SourceError(Exception):
    """The message is for people and holds no credentials."""


class SourceMissing(SourceError):
    """The commit, the ref or the repository cannot be had: unreachable, gone, or never there."""


class SourceUnreachable(SourceMissing):
    """Whoever has it does not answer: it may be there, and another try or another host may get it."""


class SourceRefused(SourceError):
    """Not allowed here: a host that is not configured, another repository than a job may read, a bad name."""


class Sources(Protocol):
    def checkout(self, wanted: Wanted) -> AbstractAsyncContextManager[Source]:
        """The clone, which is gone when the context ends. Raises SourceMissing or SourceRefused on entering; reading
        the archive may raise SourceMissing.
        """
        ...
