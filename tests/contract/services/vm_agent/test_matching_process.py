"""The matching process: what a hostile pattern costs, and that a job outlives its loss."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator

import pytest

from libs.contracts.attempt import Annotation
from services.vm_agent.log.matching.matchers import Matchers, MatchersRefused
from services.vm_agent.log.matching.process import MatchingLost, MatchingProcess
from services.vm_agent.log.matching.repository import RepositoryFolders

CATASTROPHE = {"owner": "slow", "pattern": [{"regexp": "^(a|a)*b$", "message": 0}]}
PLAIN = {"owner": "plain", "pattern": [{"regexp": r"^(\S+):(\d+): (.*)$", "file": 1, "line": 2, "message": 3}]}
CONFIG = b'[remote "origin"]\n\turl = https://github.com/octo/demo\n'


class Files:
    """A sandbox's, in memory."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.reads: list[str] = []

    async def read(self, path: str, limit_bytes: int) -> bytes | None:
        self.reads.append(path)
        return self.files.get(path)


def file(*matchers: dict[str, object]) -> bytes:
    return json.dumps({"problemMatcher": matchers}).encode()


@pytest.fixture
def files() -> Files:
    return Files({"/w/m.json": file(PLAIN), "/w/slow.json": file(CATASTROPHE), "/w/a/b.c": b"", "/w/b.c": b""})


@pytest.fixture
async def matchers(files: Files) -> AsyncIterator[Matchers]:
    folders = RepositoryFolders(files.read, "/w", ("https://github.com/octo/demo.git",))
    made = Matchers(files.read, "/w", folders)
    yield made
    await made.close()


async def test_nothing_is_started_before_a_matcher_is_added(matchers: Matchers) -> None:
    assert not matchers.active
    await matchers.end(matchers.step())
    assert await matchers.remove("unknown", "") == ""


async def test_lines_are_matched_and_files_found(matchers: Matchers) -> None:
    assert await matchers.add("m.json") == ""
    assert matchers.active
    matched = await matchers.match(matchers.step(), ["x", "\x1b[31mb.c:3: bad\x1b[0m", "none.c:4: bad"])
    assert matched.warnings == ()
    assert [(found.place, found.line, found.level) for found in matched.found] == [
        (1, "b.c:3: bad", "error"),
        (2, "none.c:4: bad", "error"),
    ]
    assert [await matchers.annotation(found, str) for found in matched.found] == [
        Annotation("error", "bad", file="b.c", line=3),
        Annotation("error", "bad", file="", line=4),
    ]


async def test_a_matcher_that_takes_too_long_is_removed_and_the_others_go_on(matchers: Matchers) -> None:
    await matchers.add("m.json")
    await matchers.add("slow.json")
    before = time.monotonic()
    matched = await matchers.match(step := matchers.step(), ["a" * 60, "b.c:3: bad"])
    assert matched.warnings == ("Removing issue matcher 'slow'. It took longer than a second for one line.",)
    assert [found.place for found in matched.found] == [1]
    assert time.monotonic() - before < 30
    assert (await matchers.match(step, ["a" * 60])).warnings == ()


async def test_a_process_that_is_lost_is_told_once_and_harms_nobody(matchers: Matchers) -> None:
    await matchers.add("m.json")
    running = matchers._process._process  # pyright: ignore[reportPrivateUsage]
    assert running is not None
    os.kill(running.pid, signal.SIGKILL)
    matched = await matchers.match(matchers.step(), ["b.c:3: bad"])
    assert "off for the rest of this job: their process was lost" in matched.warnings[0]
    assert not matchers.active
    assert (await matchers.match(matchers.step(), ["b.c:3: bad"])).warnings == ()
    assert await matchers.add("m.json") == ""


async def test_one_that_does_not_answer_is_killed() -> None:
    process = MatchingProcess(answer_seconds=3)
    await process.ask(do="end", step=1)
    running = process._process  # pyright: ignore[reportPrivateUsage]
    assert running is not None
    os.kill(running.pid, signal.SIGSTOP)
    with pytest.raises(MatchingLost, match="TimeoutError"):
        await process.ask(do="end", step=1)
    assert running.returncode == -signal.SIGKILL


async def test_a_question_that_is_given_up_leaves_no_process(matchers: Matchers) -> None:
    await matchers.add("slow.json")
    running = matchers._process._process  # pyright: ignore[reportPrivateUsage]
    assert running is not None
    asking = asyncio.ensure_future(matchers.match(matchers.step(), ["a" * 60]))
    await asyncio.sleep(0.05)
    asking.cancel()
    await asyncio.wait({asking})
    assert running.returncode == -signal.SIGKILL


async def test_a_process_whose_agent_is_gone_ends() -> None:
    process = MatchingProcess()
    await process.ask(do="end", step=1)
    running = process._process  # pyright: ignore[reportPrivateUsage]
    assert running is not None
    assert running.stdin is not None
    running.stdin.close()
    assert await running.wait() == 0
    await process.close()


async def test_a_missing_file_and_a_bad_one_are_refused(matchers: Matchers, files: Files) -> None:
    with pytest.raises(MatchersRefused, match=r"Could not find file '/w/none\.json'"):
        await matchers.add("none.json")
    files.files["/x.json"] = b"{}]"
    with pytest.raises(MatchersRefused, match="no JSON"):
        await matchers.add("/x.json")


async def test_a_pattern_that_cannot_be_run_is_a_warning(matchers: Matchers, files: Files) -> None:
    files.files["/w/x.json"] = file({"owner": "x", "pattern": [{"regexp": r"\p{Lu}", "message": 0}]})
    assert "Matcher 'x': the pattern" in await matchers.add("x.json")
    assert not matchers.active


async def test_removed_by_its_file(matchers: Matchers) -> None:
    await matchers.add("m.json")
    await matchers.remove("", "m.json")
    assert not matchers.active


async def test_memory_is_bounded(matchers: Matchers, files: Files) -> None:
    """A file of a megabyte of patterns is bounded by what may be read; what it makes of it, by the kernel."""
    pattern = "(?:" + "|".join(f"{number:x}" for number in range(1500)) + ")"
    many = [{"owner": f"o{number}", "pattern": [{"regexp": pattern, "message": 0}]} for number in range(99)]
    files.files["/w/x.json"] = file(*many)
    assert isinstance(await matchers.add("x.json"), str)


@pytest.mark.parametrize(
    ("configs", "path", "relative"),
    [
        ({}, "/w/a/b.c", "a/b.c"),
        ({"/w/.git/config": CONFIG}, "/w/a/b.c", "a/b.c"),
        ({"/w/a/.git/config": CONFIG}, "/w/a/b.c", "b.c"),
        ({"/w/a/.git/config": CONFIG.replace(b"demo", b"Demo.git")}, "/w/a/b.c", "b.c"),
        ({"/w/a/.git/config": CONFIG.replace(b"demo", b"other")}, "/w/a/b.c", ""),
        ({}, "/w/a/none.c", ""),
        ({}, "/etc/passwd", ""),
        ({}, "/w" + "/x" * 60, ""),
    ],
)
async def test_files_are_of_the_repository(files: Files, configs: dict[str, bytes], path: str, relative: str) -> None:
    files.files |= configs
    folders = RepositoryFolders(files.read, "/w", ("https://github.com/octo/demo.git",))
    assert await folders.relative(path) == relative
    before = len(files.reads)
    assert await folders.relative(path) == relative
    assert len(files.reads) - before <= 1
