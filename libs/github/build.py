"""Makes a clone for one job out of a clone at hand: one exact commit, checked out, with the history that was asked for.

What `actions/checkout` leaves behind is the measure: `origin`, a branch or a detached HEAD, `fetch-depth`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from libs.github.clone import Clone
from libs.github.git import Git, GitFailed
from libs.sources import WHOLE_HISTORY, SourceMissing

BUILD_SECONDS = 300.0
"""A checkout of a million files; a job waits for it, and its own timeout goes on counting."""
UPLOAD_PACK = (
    "git -c 'safe.directory=*' -c uploadpack.allowAnySHA1InWant=true -c core.fsmonitor=false"
    " -c core.hooksPath=/dev/null upload-pack"
)
"""The other end of a fetch on this machine; it inherits no settings, so it is given its own."""
_local = Git(("file",))


@dataclass(frozen=True, slots=True)
class Head:
    """Where the clone stands: `ref` is a full ref, or empty."""

    commit: str
    ref: str

    @property
    def tracking(self) -> str:
        """The name under which the commit is kept, which is actions/checkout's."""
        if self.ref.startswith("refs/heads/"):
            return "refs/remotes/origin/" + self.ref.removeprefix("refs/heads/")
        if self.ref.startswith("refs/pull/"):
            return "refs/remotes/pull/" + self.ref.removeprefix("refs/pull/")
        return self.ref if self.ref.startswith("refs/tags/") else "refs/remotes/origin/checkout"


async def build(source: Clone, head: Head, folder: Path, depth: int, url: str) -> None:
    """`folder` is empty. Raises SourceMissing."""
    git_directory = folder / ".git"
    try:
        await _local.run("init", "--quiet", "--template=", "--", str(folder), seconds=BUILD_SECONDS)
        await _configure(git_directory, url)
        if depth == WHOLE_HISTORY:
            await _fetch_everything(git_directory, source)
        limit = () if depth == WHOLE_HISTORY else (f"--depth={depth}",)
        await _fetch(git_directory, source, f"+{head.commit}:{head.tracking}", *limit)
        await _check_out(git_directory, folder, head)
        at = await _local.run("rev-parse", "HEAD", directory=git_directory, seconds=BUILD_SECONDS)
    except GitFailed as error:
        raise SourceMissing(f"commit {head.commit} could not be checked out: {error}") from None
    if at.decode().strip() != head.commit:
        raise SourceMissing(f"commit {head.commit} was asked for and {at.decode().strip()} came out")


async def _configure(git_directory: Path, url: str) -> None:
    settings = {"remote.origin.fetch": "+refs/heads/*:refs/remotes/origin/*", "gc.auto": "0"}
    if url and not _holds_credentials(url):
        settings["remote.origin.url"] = url
    for name, value in settings.items():
        await _local.run("config", "--local", name, value, directory=git_directory, seconds=BUILD_SECONDS)


def _holds_credentials(url: str) -> bool:
    try:
        return bool(re.search(r"[\x00-\x20\x7f]", url)) or urlsplit(url).password is not None
    except ValueError:
        return True


async def _fetch_everything(git_directory: Path, source: Clone) -> None:
    """Tags, and branches: those of a clone that is not bare are partly below `origin`, and its own outrank them."""
    await _fetch(git_directory, source, "+refs/tags/*:refs/tags/*")
    remote = "+refs/remotes/origin/*:refs/remotes/origin/*"
    await _fetch(git_directory, source, remote, more=("^refs/remotes/origin/HEAD",))
    await _fetch(git_directory, source, "+refs/heads/*:refs/remotes/origin/*")


async def _fetch(git_directory: Path, source: Clone, refs: str, *limit: str, more: tuple[str, ...] = ()) -> None:
    command = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", *limit)
    where = ("--upload-pack", UPLOAD_PACK, "--", str(source.directory))
    await _local.run(*command, *where, refs, *more, directory=git_directory, seconds=BUILD_SECONDS)


async def _check_out(git_directory: Path, folder: Path, head: Head) -> None:
    if head.ref.startswith("refs/heads/"):
        wanted = ("-B", head.ref.removeprefix("refs/heads/"), head.tracking)
    else:
        wanted = ("--detach", head.commit)
    command = ("checkout", "--quiet", "--force", *wanted, "--")
    await _local.run(*command, directory=git_directory, work_tree=folder, seconds=BUILD_SECONDS)
