"""Sources for agents, out of the mirrors: the port of `libs.sources`.

A job may name any repository. Only its own is read with this machine's rights; another one is fetched as a stranger
would fetch it, without a token, so that a job reads nothing that the public cannot.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from libs.contracts.ids import is_commit_sha
from libs.contracts.plan import Repository
from libs.github.archive import archive
from libs.github.build import Head, build
from libs.github.mirror import Mirrors, open_mirrors
from libs.github.payload import is_ref
from libs.settings import Settings
from libs.sources import WHOLE_HISTORY, Source, Wanted

FETCH_SECONDS = 300.0
"""What a job waits for a commit that the parser did not already bring here."""
DEFAULT_BRANCH = "HEAD"


@dataclass
class MirrorSources:
    """Close it when done."""

    mirrors: Mirrors

    @asynccontextmanager
    async def checkout(self, wanted: Wanted) -> AsyncGenerator[Source]:
        head = await self._head(wanted)
        hints = (head.ref,) if head.ref else ()
        if wanted.depth == WHOLE_HISTORY:
            await self.mirrors.refresh(wanted.repository, FETCH_SECONDS)
        clone = await self.mirrors.clone_with(wanted.repository, head.commit, hints, FETCH_SECONDS)
        with tempfile.TemporaryDirectory(prefix="firebreak-checkout-") as name:
            folder = Path(name)
            await build(clone, head, folder, wanted.depth, wanted.repository.clone_url)
            yield Source(head.commit, head.ref, archive(folder))

    async def _head(self, wanted: Wanted) -> Head:
        """With a commit, the ref only says what HEAD is called; without one it says which commit."""
        if wanted.commit is not None:
            return Head(wanted.commit, full_ref(wanted.ref))
        resolved = await self.mirrors.resolve(wanted.repository, _asked(wanted), FETCH_SECONDS)
        return Head(resolved.sha, resolved.ref)

    async def close(self) -> None:
        await self.mirrors.close()


def open_sources(settings: Settings) -> MirrorSources:
    return MirrorSources(open_mirrors(settings))


def full_ref(ref: str | None) -> str:
    """Empty for a commit and for what is no ref: HEAD is detached then."""
    if ref is None or is_commit_sha(ref):
        return ""
    full = ref if ref.startswith("refs/") else f"refs/heads/{ref}"
    return full if is_ref(full) else ""


def _asked(wanted: Wanted) -> str:
    return wanted.ref or _default(wanted.repository)


def _default(repository: Repository) -> str:
    return f"refs/heads/{repository.default_branch}" if repository.default_branch else DEFAULT_BRANCH
