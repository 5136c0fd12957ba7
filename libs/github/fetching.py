"""Brings commits from elsewhere into a mirror of our own: one fetch at a time a repository, across processes.

A fetch goes on when the delivery that asked for it has run out of time, within a bound of its own: the next delivery
of a large repository then finds it done. What is fetched is kept by refs below `refs/firebreak/`.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
from dataclasses import dataclass, field
from pathlib import Path

from libs.contracts.plan import Repository
from libs.github.addresses import ClonePolicy, CloneUrl, UrlRefused
from libs.github.flock import locked
from libs.github.git import Git, GitFailed, GitTooSlow
from libs.github.payload import is_ref
from libs.repositories import Resolved
from libs.sources import SourceMissing, SourceRefused, SourceUnreachable
from libs.telemetry import log

FETCH_SECONDS = 600.0
"""A gigabyte at 2 MB/s: what is larger should be cloned to REPOSITORY_PATH once."""
TIDY_SECONDS = 600.0
LIST_SECONDS = 10.0
MAX_FETCHES = 8
"""At once in this process: git's index-pack takes a processor each."""
KEPT = "refs/firebreak/commits/"
EVERYTHING = "*"

_unanswered = re.compile(
    r"Could not resolve host|Failed to connect|Couldn't connect|Connection (?:refused|reset|timed out)|"
    r"timed out|early EOF|RPC failed|hung up|SSL|gnutls|error: (?:429|5\d\d)|Network is unreachable"
)
"""What git and curl say where nobody answers, or not to the end; all else is an answer."""
_log = log.get("mirror")


@dataclass
class Fetcher:
    """`folder` holds `<repository>.git`, `token` is for https on github.com alone. `shallow`: commits without their
    history."""

    folder: Path
    policy: ClonePolicy
    token: str = ""
    shallow: bool = False
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MAX_FETCHES))
    _running: dict[tuple[str, str], asyncio.Task[None]] = field(
        default_factory=dict[tuple[str, str], asyncio.Task[None]]
    )

    def directory(self, repository: Repository) -> Path:
        """By the numeric id: names change hands. A repository without one is known by its name."""
        name = str(repository.id) if repository.id else f"{repository.owner}~{repository.name}".lower()
        return self.folder / f"{name}.git"

    async def fetch(self, repository: Repository, sha: str, hints: tuple[str, ...], seconds: float) -> None:
        """Raises SourceMissing (unreachable, not there, or not there yet), SourceRefused. Whoever asks for the same
        commit meanwhile waits for the same fetch."""
        await self._join(repository, sha, hints, seconds)

    async def refresh(self, repository: Repository, seconds: float) -> None:
        """Brings every branch and tag. Raises as `fetch`."""
        await self._join(repository, EVERYTHING, (), seconds)

    async def _join(self, repository: Repository, sha: str, hints: tuple[str, ...], seconds: float) -> None:
        key = (str(self.directory(repository)), sha)
        task = self._running.get(key)
        if task is None:
            task = asyncio.ensure_future(self._fetch(repository, sha, hints))
            self._running[key] = task
            task.add_done_callback(lambda done: self._forget(key, done))
        done, _ = await asyncio.wait((task,), timeout=seconds)
        if not done:
            what = "everything" if sha == EVERYTHING else f"commit {sha}"
            raise SourceMissing(
                f"{repository.full_name}: {what} was not fetched within {seconds:.0f} s."
                " The fetch goes on: push again in some minutes, and it will be there"
            )
        task.result()

    def _forget(self, key: tuple[str, str], task: asyncio.Task[None]) -> None:
        self._running.pop(key, None)
        if not task.cancelled():
            task.exception()  # Whoever waits for it has it; if nobody does any more, it is nobody's.

    async def default(self, repository: Repository) -> Resolved:
        """The newest commit of the default branch. Raises as `fetch`."""
        output = await self._list(repository, "--symref", "HEAD")
        branch = re.search(r"^ref: (refs/heads/\S+)\tHEAD$", output, re.MULTILINE)
        commit = re.search(r"^([0-9a-f]{40,64})\tHEAD$", output, re.MULTILINE)
        if commit is None:
            raise SourceMissing(f"{repository.full_name} is empty: it has no default branch")
        return Resolved(commit[1], branch[1] if branch is not None and is_ref(branch[1]) else "")

    async def listed(self, repository: Repository, refs: tuple[str, ...]) -> dict[str, str]:
        """What these refs are over there; a tag stands for the commit that it names. Raises as `fetch`."""
        wanted = [pattern for ref in refs if is_ref(ref) for pattern in (ref, f"{ref}^{{}}")]
        output = await self._list(repository, *wanted)
        found: dict[str, str] = {}
        for line in output.splitlines():
            sha, _, name = line.partition("\t")
            if name.removesuffix("^{}") in refs:
                found[name.removesuffix("^{}")] = sha
        return found

    async def _list(self, repository: Repository, *words: str) -> str:
        url = await self._url(repository)
        options = [word for word in words if word.startswith("--")]
        patterns = [word for word in words if not word.startswith("--")]
        try:
            git = self.git_for(url, trusted=bool(repository.id))
            output = await git.run("ls-remote", *options, "--", url.url, *patterns, seconds=LIST_SECONDS)
        except GitFailed as error:
            raise _missing(error)(f"{repository.full_name}: {error}") from None
        return output.decode("utf-8", "replace")

    def git_for(self, url: CloneUrl, *, trusted: bool = True) -> Git:
        """`trusted`: an event came from this repository. The token is for those, not for what a job names."""
        settings: dict[str, str] = {}
        if url.pinned:
            # What was checked is what is connected to: a name server must not be asked twice.
            settings["http.curloptResolve"] = f"{url.host}:{url.port}:{','.join(url.pinned)}"
        at_github = url.protocol == "https" and (url.host.lower(), url.port) == ("github.com", 443)
        if not (self.token and trusted and at_github):
            return Git((url.protocol,), settings)
        basic = base64.b64encode(f"x-access-token:{self.token}".encode()).decode()
        header = {"http.https://github.com/.extraHeader": f"Authorization: Basic {basic}"}
        return Git((url.protocol,), settings, header, (self.token, basic))

    async def close(self) -> None:
        for task in list(self._running.values()):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, SourceMissing, SourceRefused):
                await task

    async def _url(self, repository: Repository) -> CloneUrl:
        try:
            return await self.policy.allowed(repository.clone_url)
        except UrlRefused as error:
            raise SourceRefused(f"{repository.full_name}: {error}") from None

    async def _fetch(self, repository: Repository, sha: str, hints: tuple[str, ...]) -> None:
        url = await self._url(repository)
        directory = self.directory(repository)
        directory.parent.mkdir(parents=True, exist_ok=True)
        try:
            async with self._slots, locked(directory.with_suffix(".lock"), FETCH_SECONDS):
                await _prepare(directory)
                await self._into(directory, url.url, self.git_for(url, trusted=bool(repository.id)), (sha, *hints))
        except TimeoutError:
            raise SourceMissing(f"{repository.full_name}: another process has fetched it for too long") from None
        except GitFailed as error:
            raise _missing(error)(f"{repository.full_name}: commit {sha} could not be fetched: {error}") from None
        except OSError as error:
            raise SourceMissing(f"{repository.full_name}: its mirror {directory} cannot be written: {error}") from None

    async def _into(self, directory: Path, url: str, git: Git, wanted: tuple[str, ...]) -> None:
        """1. Somebody else fetched it meanwhile. 2. By its name, which GitHub allows. 3. By what it may be behind."""
        sha, *hints = wanted
        if sha != EVERYTHING:
            if await _has(directory, sha):
                return
            try:
                await self._bring(directory, url, git, f"+{sha}:{KEPT}{sha}")
            except GitFailed as refused:
                if "not our ref" not in refused.said and "unadvertised" not in refused.said:
                    raise
            else:
                await _tidy(directory)
                return
        await self._bring(directory, url, git, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
        for hint in hints:
            if hint.startswith("refs/pull/"):
                with contextlib.suppress(GitFailed):
                    await self._bring(directory, url, git, f"+{hint}:{hint}")
        await _tidy(directory)

    async def _bring(self, directory: Path, url: str, git: Git, *refs: str) -> None:
        command = (
            "fetch",
            "--quiet",
            "--no-tags",
            "--force",
            "--prune",
            "--no-write-fetch-head",
            "--no-recurse-submodules",
            *(("--depth=1",) if self.shallow else ()),
        )
        await git.run(*command, "--", url, *refs, directory=directory, seconds=FETCH_SECONDS)


def _missing(error: GitFailed) -> type[SourceMissing]:
    return SourceUnreachable if isinstance(error, GitTooSlow) or _unanswered.search(error.said) else SourceMissing


async def _prepare(directory: Path) -> None:
    """A mirror that was only half made, by a process that died, is made again."""
    await Git().run("init", "--quiet", "--bare", "--template=", "--", str(directory), seconds=LIST_SECONDS)


async def _has(directory: Path, sha: str) -> bool:
    try:
        await Git().run("cat-file", "-e", f"{sha}^{{commit}}", directory=directory, seconds=LIST_SECONDS)
    except GitFailed:
        return False
    return True


async def _tidy(directory: Path) -> None:
    """Packs what many small fetches left, when git thinks it is time."""
    try:
        git = Git(settings={"gc.auto": "2000", "gc.autoDetach": "false", "gc.autoPackLimit": "40"})
        await git.run("gc", "--auto", "--quiet", directory=directory, seconds=TIDY_SECONDS)
    except GitFailed as error:
        _log.warning("a mirror could not be packed", directory=directory, why=error)
