"""Failures that the log knows, told soon after the run has ended, once, and to whom they may be told."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import msgspec

from libs.bus.memory import MemoryBus
from libs.contracts import envelope, run, subjects
from libs.contracts.attempt import StepFinished
from libs.contracts.recognition import FailureRecognized
from tests.contract.learner.test_advised import learning
from tests.fakes.history import History, OneRun

PROMPT_SECONDS = 2.0


async def failed(one: OneRun, fingerprint: str = "f1", run_attempt: int = 1, *, private: bool = False) -> None:
    n = run_attempt
    if run_attempt == 1:
        plan = one.plan
        repository = msgspec.structs.replace(plan.repository, private=private)
        await one.say(run.RunPlanned(plan=msgspec.structs.replace(plan, repository=repository)))
    await one.queued("test", run_attempt=run_attempt)
    await one.started("test", n)
    step = StepFinished(0, "Run make", "failure", "failure", 5.0, 1, fingerprint=fingerprint, said="Error: no host")
    await one.at("test", n, step)
    await one.finished("test", "failure", n=n)
    await one.over("failure", run_attempt=run_attempt)


async def told(bus: MemoryBus, one: OneRun, count: int = 1) -> list[FailureRecognized]:
    async with asyncio.timeout(20):
        while True:
            stored = await bus.load(subjects.recognition(*one.address))
            events = [raw for each in stored for raw in envelope.decode_commit(each.data).events]
            if len(events) >= count:
                return [msgspec.json.decode(raw, type=FailureRecognized) for raw in events]
            await asyncio.sleep(0.02)


async def test_what_failed_so_before_is_told_within_two_seconds(tmp_path: Path) -> None:
    bus = MemoryBus()
    history = History(bus, "octo", "own")
    first, second = history.one_run(1), history.one_run(2)
    async with learning(bus, tmp_path):
        await failed(first)
        await asyncio.sleep(1.0)
        began = time.monotonic()
        await failed(second)
        (known,) = await told(bus, second)
        assert time.monotonic() - began < PROMPT_SECONDS
    assert await bus.load(subjects.recognition(*first.address)) == []
    assert (known.runs, known.repositories, known.others, known.text) == (1, ("octo/own",), 0, "Error: no host")
    assert (known.job, known.n, known.step, known.fingerprint) == ("test", 1, 0, "f1")


async def test_names_of_private_repositories_stay_there(tmp_path: Path) -> None:
    bus = MemoryBus()
    secret = History(bus, "x", "secret").one_run(1, repository_id=7)
    public = History(bus, "octo", "public").one_run(2, repository_id=6)
    third = History(bus, "octo", "own").one_run(3, repository_id=5)
    async with learning(bus, tmp_path):
        await failed(secret, private=True)
        await failed(public)
        await failed(third)
        (known,) = await told(bus, third)
    assert (known.runs, known.repositories, known.others) == (2, ("octo/public",), 1)
    assert all(b"secret" not in stored.data for stored in await bus.load("ev.recognition.octo.>"))


async def test_each_run_attempt_is_told_of_once_also_after_a_restart(tmp_path: Path) -> None:
    bus = MemoryBus()
    history = History(bus, "octo", "own")
    second = history.one_run(2)
    await failed(history.one_run(1))
    await failed(second)
    for _ in range(2):  # both had ended before this learner began, and before the next one
        async with learning(bus, tmp_path):
            assert [each.run_attempt for each in await told(bus, second)] == [1]
            await asyncio.sleep(0.3)
    async with learning(bus, tmp_path):
        await failed(second, run_attempt=2)
        found = await told(bus, second, 2)
    assert [(each.run_attempt, each.n) for each in found] == [(1, 1), (2, 2)]
