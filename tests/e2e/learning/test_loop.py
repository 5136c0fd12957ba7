"""The loop closed on the real system: what the log shows is learned, given back, applied, measured and can be asked.

Two workflows on the driver `host`: of one a step hangs once in a while, the other fails every third attempt. Nothing is
told to the learner by hand: it learns from the runs, the repository opts in by its own file, and each effect is read
from the log and from `firebreak sql`.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any

import msgspec

from libs.bus.port import Stored
from libs.contracts import subjects
from libs.contracts.advice import Advice, AdviceEvent, AdviceGiven, FlakyAdvice, TimeoutAdvice
from libs.contracts.envelope import decode_commit
from libs.contracts.ids import JobKey, RepositoryId, RunId
from libs.contracts.run import JobFinished, JobQueued, RunEvent, RunFinished, TimeoutAdjusted
from services.cli.demo.repository import NAME, OWNER, REPOSITORY_ID, push_payload
from services.cli.watching import planned_runs
from tests.chaos.services import ROOT
from tests.chaos.system import System, whole_system
from tests.e2e.learning.project import HANGS, SHAKY, Project
from tests.repositories import WorkTree

SETTINGS = {"FIREBREAK_DRIVER": "host", "FIREBREAK_TIMEOUT_FLOOR_S": "2", "FIREBREAK_ALLOW_PRIVATE_CLONES": "true"}
ADVICE_SECONDS = 30.0
"""The learner gives advice a few seconds after a run; on a busy machine later."""
SNAPSHOT_SECONDS = 30.0
"""A snapshot is at most ten seconds old; the command line needs a second."""
EARLY_SECONDS = 30.0
"""A hang is ended after two seconds; its workflow declares none, and GitHub's limit is six hours."""


class Loop:
    def __init__(self, system: System, project: Project) -> None:
        self.system, self.project = system, project
        self.runs: dict[str, list[RunId]] = {HANGS: [], SHAKY: []}
        self._before = self._head = system.base

    def commit(self) -> None:
        self._before, self._head = self._head, self.project.commit()

    async def push(self) -> None:
        """One delivery of the newest commit's push, a run of each workflow, and both are over."""
        guid, answer = await self.system.deliver(push_payload(self._before, self._head))
        assert answer.status_code == 202, answer.text
        async with asyncio.timeout(60):
            planned = await planned_runs(self.system.bus, guid)
        for path, run_id in planned.items():
            self.runs[path].append(run_id)
        await asyncio.gather(*(self.system.finished(run_id) for run_id in planned.values()))

    async def advised(self, kind: type[Advice], **fields: object) -> AdviceGiven:
        """Waits until a piece of that kind stands; what stands then."""
        wanted = {"state": "flaky", **fields} if kind is FlakyAdvice else fields
        given: AdviceGiven | None = None
        async with asyncio.timeout(ADVICE_SECONDS), aclosing(self._advice()) as messages:
            async for message in messages:
                if isinstance(message, Stored):
                    given = given_in(message) or given
                    if given is not None and any(_is(piece, kind, wanted) for piece in given.advice):
                        return given
        raise AssertionError("the log ended")

    def _advice(self) -> Any:
        return self.system.bus.tail(subjects.EVENTS, (subjects.advice(RepositoryId(REPOSITORY_ID)),), 0)

    async def told(self, path: str) -> list[list[RunEvent]]:
        """The events of each run of a workflow."""
        return [await self._events(run_id) for run_id in self.runs[path]]

    async def _events(self, run_id: RunId) -> list[RunEvent]:
        stored = await self.system.bus.load(subjects.any_run(run_id))
        return [msgspec.json.decode(raw, type=RunEvent) for each in stored for raw in decode_commit(each.data).events]

    async def asked(self, example: str) -> list[dict[str, Any]]:
        """What `firebreak sql` answers to a question of docs/analytics.md."""
        environment = {"PATH": os.environ["PATH"], "FIREBREAK_HOME": str(self.system.machine.settings.home)}
        arguments = (sys.executable, "-m", "services.cli", "sql", "--json", "--example", example)
        process = await asyncio.create_subprocess_exec(
            *arguments, cwd=ROOT, env=environment, stdout=asyncio.subprocess.PIPE
        )
        out, _ = await process.communicate()
        assert process.returncode == 0
        return json.loads(out)

    async def answer(self, example: str, **fields: object) -> dict[str, Any]:
        """The row with these values; the snapshot may be some seconds behind the log."""
        async with asyncio.timeout(SNAPSHOT_SECONDS):
            while True:
                for row in await self.asked(example):
                    if all(row[name] == value for name, value in fields.items()):
                        return row
                await asyncio.sleep(0.5)


def given_in(stored: Stored) -> AdviceGiven | None:
    events = (msgspec.json.decode(raw, type=AdviceEvent) for raw in decode_commit(stored.data).events)
    return next((event for event in events if isinstance(event, AdviceGiven)), None)


def _is(piece: Advice, kind: type[Advice], fields: Mapping[str, object]) -> bool:
    return isinstance(piece, kind) and all(getattr(piece, name) == value for name, value in fields.items())


def job_of(events: list[RunEvent]) -> JobFinished:
    return next(event for event in events if isinstance(event, JobFinished))


async def test_what_the_runs_show_ends_hangs_early_and_runs_the_flaky_again(
    tmp_path: Path, learning_long: bool
) -> None:
    """Sixteen runs over two commits; with `--learning-long` sixty over five, and two services killed in between."""
    commits, pushes, hang_every = (5, 6, 6) if learning_long else (2, 4, 4)
    killed = {8: "scheduler", 14: "learner", 20: "scheduler"} if learning_long else {}
    began = time.monotonic()
    async with whole_system(tmp_path, **SETTINGS) as system:
        loop = Loop(system, Project(WorkTree(tmp_path / "repositories" / OWNER / NAME), tmp_path / "counted"))
        hangs: list[int] = []
        for number in range(commits * pushes):
            if number % pushes == 0:
                loop.commit()
            if number in killed:
                await system.kill(killed[number])
            if number % hang_every == hang_every - 1:
                await loop.advised(TimeoutAdvice, job=JobKey("hangs"))
                loop.project.let_the_next_hang()
                hangs.append(number)
            await loop.push()
        await loop.advised(FlakyAdvice, job=JobKey("shaky"), step="")
        await until_retried(loop)
        await check_hangs(loop, hangs)
        await check_sql(loop, len(hangs))
        await system.check()
        runs = sum(map(len, loop.runs.values()))
        print(f"{runs} runs over {commits} commits, {len(hangs)} hangs, in {time.monotonic() - began:.0f} s")


async def until_retried(loop: Loop) -> None:
    """What is known to be flaky by now fails at its next third attempt, and passes on the one behind it."""
    for _ in range(3):
        if any(job_of(events).retries for events in await loop.told(SHAKY)):
            break
        await loop.push()
    retried = [events for events in await loop.told(SHAKY) if job_of(events).retries]
    assert retried, "no run of the flaky job was tried again"
    for events in retried:
        again = [event for event in events if isinstance(event, JobQueued) and event.retry_of]
        (end,) = [event for event in events if isinstance(event, RunFinished)]
        assert (job_of(events).why, job_of(events).conclusion) == (
            f"passed on attempt {job_of(events).n}, known flaky",
            "success",
        )
        assert [event.why.startswith("known flaky: ") for event in again] == [True]
        assert "known flaky" in end.why
    told = await loop.told(SHAKY)
    assert any(job_of(events).conclusion == "failure" for events in told), "before it was known, it just failed"


async def check_hangs(loop: Loop, hangs: list[int]) -> None:
    """Each hang was ended by a learned limit, seconds after it began, with its evidence; what passed kept its own."""
    told = await loop.told(HANGS)
    for number in hangs:
        events = told[number]
        (adjusted,) = [event for event in events if isinstance(event, TimeoutAdjusted)]
        assert adjusted.from_ms == 360 * 60_000
        assert 2_000 <= adjusted.to_ms <= EARLY_SECONDS * 1000
        assert adjusted.evidence.n >= 3
        assert adjusted.evidence.longest_ms > 0
        assert adjusted.evidence.position > 0
        assert job_of(events).outcome == "timeout"
        assert "learned limit" in job_of(events).why
    passed = [job_of(events).outcome == "success" for number, events in enumerate(told) if number not in hangs]
    assert sum(passed) >= 0.7 * len(passed), "on a machine that stands still for seconds, a limit of two ends more"


async def check_sql(loop: Loop, hangs: int) -> None:
    """Each is answered by a question of docs/analytics.md."""
    limit = await loop.answer("advice", workflow_path=HANGS, job="hangs", kind="timeout")
    adjusted = await loop.answer("limits-adjusted", job="hangs", ended_by_it=hangs)
    killed = await loop.answer("hangs-killed-early", job="hangs")
    flaky = await loop.answer("flaky-known", workflow_path=SHAKY, job="shaky", step="", state="flaky")
    retried = await loop.answer("retries", job="shaky")
    for row in (limit, adjusted, killed, flaky, retried):
        print(row)
    assert "known flaky" in retried["ended_why"]
