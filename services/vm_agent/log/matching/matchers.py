"""A job's problem matchers, as its steps use them: added and removed by commands, run over what is printed.

Files are read in the sandbox, through `read`: those of matchers, and to see whether a found file exists and is of the
workflow's repository, without which GitHub shows no annotation beside a line of code.
"""

from __future__ import annotations

import posixpath
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

from libs.contracts.attempt import Annotation, AnnotationLevel
from libs.contracts.orders import JobOrder
from libs.workflow.runner.matchers.configuration import MATCHERS_BYTES
from libs.workflow.runner.matchers.finding import Finding, level_of, number, path_of
from services.vm_agent.log.matching.process import MatchingLost, MatchingProcess
from services.vm_agent.log.matching.repository import RepositoryFolders

Read = Callable[[str, int], Awaitable[bytes | None]]
"""A file's content, None where there is none. Raises SandboxError: FileTrouble where it is none to be read."""


def matchers_of(order: JobOrder, read: Read, workspace: str) -> Matchers:
    """For a job: its repository is where it is cloned from, under GitHub's addresses too."""
    repository, server = order.repository, str(order.github.get("server_url") or "https://github.com")
    host = urlsplit(server).hostname or ""
    urls = (repository.clone_url, f"{server}/{repository.full_name}", f"git@{host}:{repository.full_name}")
    return Matchers(read, workspace, RepositoryFolders(read, workspace, urls))


class MatchersRefused(Exception):
    """The command that named the file fails, as in GitHub's runner."""


@dataclass(frozen=True, slots=True)
class Found:
    """`place` among the lines that were asked about, `line` as it was printed but for its colours."""

    place: int
    line: str
    finding: Finding

    @property
    def level(self) -> AnnotationLevel:
        return cast("AnnotationLevel", level_of(self.finding))


@dataclass(frozen=True, slots=True)
class Matched:
    found: tuple[Found, ...] = ()
    warnings: tuple[str, ...] = ()


class Matchers:
    """`workspace` is the job's; `repository` is where the found files must be from."""

    def __init__(self, read: Read, workspace: str, repository: RepositoryFolders) -> None:
        self._read, self._workspace, self._repository = read, workspace, repository
        self._process = MatchingProcess()
        self._owners: set[str] = set()
        self._off = False
        self._steps = 0

    @property
    def active(self) -> bool:
        """Whether there is anything to be asked."""
        return bool(self._owners) and not self._off

    def step(self) -> int:
        """The number under which a step asks."""
        self._steps += 1
        return self._steps

    async def end(self, step: int) -> None:
        if self.active:
            await self._ask(do="end", step=step)

    async def add(self, file: str) -> str:
        """Returns a warning, or nothing. Raises MatchersRefused, SandboxError."""
        answer = await self._ask(do="add", text=await self._text(file))
        self._owners |= {owner.lower() for owner in _texts(answer, "owners")}
        return self._refused(answer)

    async def remove(self, owner: str, file: str) -> str:
        """By the owner, or by the file that was added. Returns a warning, or nothing. Raises as `add` does."""
        if owner:
            answer = await self._ask(do="remove", owners=[owner])
        else:
            answer = await self._ask(do="forget", text=await self._text(file))
        self._owners -= {owner.lower() for owner in _texts(answer, "owners")}
        return self._refused(answer)

    async def match(self, step: int, lines: list[str]) -> Matched:
        answer = await self._ask(do="match", step=step, lines=lines)
        warnings = [
            f"Removing issue matcher '{owner}'. It took longer than a second for one line."
            for owner in _texts(answer, "slow")
        ]
        if answer.get("over"):
            self._off = True
            await self._process.close()
            warnings.append("Problem matchers are off for the rest of this job: they have used up their time.")
        lost = str(answer.get("lost") or "")
        found = cast("list[tuple[int, str, dict[str, str | None]]]", answer.get("found") or [])
        return Matched(
            tuple(Found(place, line, Finding(**values)) for place, line, values in found),
            (*warnings, *([lost] if lost else [])),
        )

    async def annotation(self, found: Found, translated: Callable[[str], str]) -> Annotation:
        """With the file, where it exists in the workflow's repository; `translated` gives the machine's path for one
        that a process names."""
        finding = found.finding
        path = translated(path_of(finding, self._workspace))
        return Annotation(
            level=found.level,
            message=finding.message or "",
            file=await self._repository.relative(path) if path else "",
            line=number(finding.line),
            column=number(finding.column),
        )

    async def close(self) -> None:
        self._off = True
        await self._process.close()

    async def _ask(self, **request: object) -> dict[str, object]:
        """What is lost once is off for the job, and is told once."""
        if self._off:
            return {}
        try:
            return await self._process.ask(**request)
        except MatchingLost as error:
            self._off = True
            return {"lost": f"Problem matchers are off for the rest of this job: their process was lost ({error})."}

    async def _text(self, file: str) -> str:
        path = posixpath.normpath(posixpath.join(self._workspace, file))
        data = await self._read(path, MATCHERS_BYTES)
        if data is None:
            raise MatchersRefused(f"Could not find file '{path}'.")
        return data.decode("utf-8", "replace")

    def _refused(self, answer: dict[str, object]) -> str:
        if answer.get("bad"):
            raise MatchersRefused(str(answer["bad"]))
        return str(answer.get("refused") or answer.get("lost") or "")


def _texts(answer: dict[str, object], name: str) -> list[str]:
    return cast("list[str]", answer.get(name) or [])
