"""Runs git on repositories that strangers wrote: a clean environment, no hooks, no prompts, a deadline, bounded output.

Nothing of this machine's configuration reaches git, and nothing that a repository's own configuration could start is
started. Arguments that come from outside are checked by the callers and stand behind `--`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

MAX_OUTPUT_BYTES = 16 * 1024 * 1024
"""A list of 3,000 changed files with the longest names is 12 MB."""
MAX_ERROR_BYTES = 16 * 1024
KILL_SECONDS = 5.0
"""How long a killed git may take to be gone before we stop waiting for it."""
DISCARD_BYTES = 64 * 1024
"""A pipe holds as much."""

_CONFIG = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.sshCommand": "ssh -o BatchMode=yes -o ConnectTimeout=10",
    "core.attributesFile": "/dev/null",
    "core.excludesFile": "/dev/null",
    "credential.helper": "",
    "gc.auto": "0",
    "http.followRedirects": "false",
    "init.defaultBranch": "main",
    "maintenance.auto": "false",
    "protocol.allow": "never",
    "protocol.ext.allow": "never",
    "protocol.version": "2",
    "safe.directory": "*",
    "submodule.recurse": "false",
}
"""Given on the command line, where it outranks a repository's own configuration."""


class GitFailed(Exception):
    """git ended with an error; the message is the end of what it said, without secrets."""

    def __init__(self, what: str, code: int, said: str) -> None:
        super().__init__(f"git {what} failed ({code}): {said or 'it said nothing'}")
        self.code, self.said = code, said


class GitTooSlow(GitFailed):
    def __init__(self, what: str, seconds: float) -> None:
        super().__init__(what, -1, f"no end after {seconds:.0f} s, and it was stopped")


class GitTooMuch(GitFailed):
    def __init__(self, what: str, limit: int) -> None:
        super().__init__(what, -1, f"it wrote more than {limit} bytes, and it was stopped")


@dataclass(frozen=True, slots=True)
class Git:
    """`protocols` it may speak (`https`, `ssh`, `file`, `http`); `secret` settings go through the environment, so that
    they stand in no argument list and, by `hidden`, in no error."""

    protocols: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    secret: Mapping[str, str] = field(default_factory=dict[str, str])
    hidden: tuple[str, ...] = ()

    def command(self, *arguments: str, directory: Path | None = None) -> list[str]:
        """`directory` is a git directory, not a work tree."""
        config = {**_CONFIG, **{f"protocol.{name}.allow": "always" for name in self.protocols}, **self.settings}
        flags = [word for name, value in config.items() for word in ("-c", f"{name}={value}")]
        where = [] if directory is None else [f"--git-dir={directory}"]
        return ["git", "--no-pager", "--no-replace-objects", *flags, *where, *arguments]

    def environment(self) -> dict[str, str]:
        settings = list(self.secret.items())
        return {
            # Where git and ssh are is this machine's affair, and the only thing of it that git is told.
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": "/nonexistent",
            "LC_ALL": "C.UTF-8",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "true",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_PROTOCOL_FROM_USER": "0",
            "GIT_ALLOW_PROTOCOL": ":".join(self.protocols) or "none",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_CONFIG_COUNT": str(len(settings)),
            **{f"GIT_CONFIG_KEY_{place}": name for place, (name, _) in enumerate(settings)},
            **{f"GIT_CONFIG_VALUE_{place}": value for place, (_, value) in enumerate(settings)},
        }

    async def run(
        self,
        *arguments: str,
        directory: Path | None = None,
        seconds: float,
        limit_bytes: int = MAX_OUTPUT_BYTES,
        work_tree: Path | None = None,
    ) -> bytes:
        """What git wrote. Raises GitFailed, GitTooSlow, GitTooMuch; on these, and when cancelled, git is gone."""
        command = self.command(*arguments, directory=directory)
        process = await asyncio.create_subprocess_exec(
            *command,
            env=self.environment(),
            cwd=work_tree or directory or Path("/"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        what = arguments[0] if arguments else ""
        try:
            async with asyncio.timeout(seconds):
                output, said = await _collect(process, what, limit_bytes)
                code = await process.wait()
        except TimeoutError:
            raise GitTooSlow(what, seconds) from None
        finally:
            await stop(process)
        if code != 0:
            raise GitFailed(what, code, self.clean(said))
        return output

    def clean(self, said: bytes) -> str:
        text = said.decode("utf-8", "replace").strip()
        for secret in self.hidden:
            text = text.replace(secret, "***")
        return " / ".join(line.strip() for line in text.splitlines()[-4:])[-1000:]


async def _collect(process: asyncio.subprocess.Process, what: str, limit_bytes: int) -> tuple[bytes, bytes]:
    assert process.stdout is not None
    assert process.stderr is not None
    said = asyncio.ensure_future(_tail(process.stderr))
    pieces: list[bytes] = []
    size = 0
    try:
        while piece := await process.stdout.read(64 * 1024):
            size += len(piece)
            if size > limit_bytes:
                raise GitTooMuch(what, limit_bytes)
            pieces.append(piece)
        return b"".join(pieces), await said
    finally:
        said.cancel()
        await asyncio.wait((said,))


async def _tail(stream: asyncio.StreamReader) -> bytes:
    kept = b""
    while piece := await stream.read(8 * 1024):
        kept = (kept + piece)[-MAX_ERROR_BYTES:]
    return kept


async def stop(process: asyncio.subprocess.Process) -> None:
    """Kills git and what it started (`git-remote-https`, `ssh`), which share its process group."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(KILL_SECONDS):
            await process.wait()
            await _close_pipes(process)


async def _close_pipes(process: asyncio.subprocess.Process) -> None:
    """Now, and not whenever the loop gets to it, which at its end is never. One that is read is closed at its end."""
    if process.stdin is not None:
        process.stdin.close()
        with contextlib.suppress(OSError):
            await process.stdin.wait_closed()
    for pipe in (process.stdout, process.stderr):
        while pipe is not None and await pipe.read(DISCARD_BYTES):
            pass
