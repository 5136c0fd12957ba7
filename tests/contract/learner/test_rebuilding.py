"""The memory that is read back from the learner's file gives the same advice as one that saw everything."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.bus.memory import MemoryBus
from libs.bus.port import Stored
from libs.contracts import envelope, run
from libs.contracts.ids import Cause, CommitId
from libs.contracts.plan import Trust
from services.learner.advising.memory import HOSTS, RUNS_KEPT, Memory
from services.learner.advising.of_facts import seen_of
from services.learner.advising.rebuilding import rebuild
from services.learner.advising.wanted import wanted, wanted_pools
from services.learner.folding.facts import (
    AttemptFact,
    Fact,
    HostFact,
    JobFact,
    RunFact,
    StepFact,
    TimeoutFact,
)
from services.learner.folding.fold import fold
from services.learner.store.batch import Batch
from services.learner.store.database import Database, open_database
from tests.fakes.history import History

BEGIN = 1_790_000_000 * 1_000_000
HOUR = 3_600 * 1_000_000
COMMANDS = ("npm ci", "npm test", "actions/cache", "")
FLOOR_MS = 1_000.0


class Log:
    """Facts as the folding makes them, of runs with one or two jobs of random endings."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.seq, self.at, self.run_id = 0, BEGIN, 0
        self.facts: list[Fact] = [HostFact(self.next(), 0, BEGIN, "host-1", "HostJoined", "qemu", 4, 8192, "", "")]

    def next(self) -> int:
        self.seq += self.random.randint(1, 3)
        return self.seq

    def pick(self, *choices: str, weights: Iterable[int] | None = None) -> str:
        return self.random.choices(choices, list(weights) if weights else None)[0]

    def plan(self, repository: int) -> None:
        self.run_id += 1
        trust: Trust = "fork" if self.random.random() < 0.1 else "own"
        planned = msgspec.structs.replace(
            History(MemoryBus(), "octo", f"r{repository}").one_run(self.run_id, repository_id=repository).plan,
            event=self.pick("push", "workflow_dispatch", weights=(9, 1)),
            sha=f"sha{self.random.randint(1, 30)}",
            trust=trust,
            lockfiles=("package-lock.json", "uv.lock"),
            trial="trial" if self.random.random() < 0.05 else "",
        )
        commit = envelope.commit(
            id=CommitId("c"),
            source="parser",
            subject=f"ev.run.octo.r{repository}.{self.run_id}",
            cause=Cause("c"),
            now=datetime.now(UTC),
            events=[run.RunPlanned(planned)],
        )
        at = datetime.fromtimestamp(self.at / 1e6, UTC)
        self.facts += fold(Stored(self.next(), commit.subject, envelope.encode(commit), at, {})).facts

    def run(self) -> None:
        self.at += self.random.randint(1, 12 * HOUR)
        self.plan(self.random.randint(5, 6))
        conclusions = [self.job(f"job{number}") for number in range(self.random.randint(1, 2))]
        worst = next((each for each in conclusions if each != "success"), "success")
        self.facts.append(RunFact(self.next(), 0, self.at, self.run_id, "RunFinished", 1, worst, 1, ""))
        if worst == "failure" and self.random.random() < 0.5:
            self.at += HOUR
            again = self.job("job0", first=2)
            self.facts.append(RunFact(self.next(), 0, self.at, self.run_id, "RunFinished", 2, again, 1, ""))

    def job(self, job: str, first: int = 1) -> str:
        retries = int(self.random.random() < 0.1)
        for n in range(first, first + retries + 1):
            self.queued(job, n - 1 if n > first else None)
            last = n == first + retries
            kinds = ("success", "failure", "timeout", "cancellation", "error", "skip")
            outcome = self.pick(*kinds, weights=(60, 20, 5, 8, 4, 3)) if last else "failure"
            self.attempt(job, n, outcome)
            if last:
                self.facts.append(
                    JobFact(
                        self.next(), 0, self.at, self.run_id, job, job, job.title(), "JobFinished", n, None, outcome,
                        outcome, "", retries=retries,
                    )
                )  # fmt: skip
                return outcome
        raise AssertionError

    def queued(self, job: str, retry_of: int | None) -> None:
        seq = self.next()
        self.facts.append(
            JobFact(
                seq, 0, self.at, self.run_id, job, job, job.title(), "JobQueued", None, None, None, None, "",
                run_attempt=1, timeout_ms=21_600_000, labels="", retry_of=retry_of,
            )
        )  # fmt: skip
        if self.random.random() < 0.3:
            self.facts.append(
                TimeoutFact(seq, 1, self.at, self.run_id, job, 1, 21_600_000, 400_000, "warm", 9, 1.0, 1.0, 0, 1)
            )

    def attempt(self, job: str, n: int, outcome: str) -> None:
        self.at += self.random.randint(1, HOUR // 10)
        how = self.pick("pooled", "restored", "spawned")
        self.facts.append(
            AttemptFact(
                self.next(), 0, self.at, self.run_id, job, n, "host-1", "VmReady", None, how, 5.0, None, None, None,
                "", "vm", "image", 2, 4096, "{}",
            )
        )  # fmt: skip
        for step in range(self.random.randint(1, 3)):
            ends = (
                self.pick("success", "failure", weights=(9, 1))
                if outcome == "success"
                else self.pick("success", outcome)
            )
            fails = ends if outcome != "success" else "success"
            command = self.pick(*COMMANDS)
            self.facts.append(
                StepFact(
                    self.next(), 0, self.at, self.run_id, job, f"step {step}", n, step, ends, fails,
                    self.random.uniform(20_000, 90_000), 0, 1, 0, command, "", "", "", self.pick("main", "post"), "",
                )
            )  # fmt: skip
        took = self.random.uniform(50_000, 100_000)
        self.facts.append(
            AttemptFact(
                self.next(), 0, self.at, self.run_id, job, n, "host-1", "AttemptFinished", None, None, None, outcome,
                took, 1, "",
            )
        )  # fmt: skip


def store(database: Database, facts: list[Fact], last: int) -> None:
    batch = Batch()
    batch.facts.extend(facts)
    batch.last["EVENTS"] = Stored(last, "ev.x", b"", datetime.now(UTC), {})
    batch.counts["EVENTS"] = batch.events = 1
    database.write(batch)


def evolved(memory: Memory, facts: list[Fact]) -> Memory:
    memory.evolve([seen for fact in facts if (seen := seen_of(fact)) is not None])
    return memory


def advice(memory: Memory, at: float) -> object:
    repositories = [wanted(memory, number, at, FLOOR_MS) for number in sorted(memory.repositories) if number != HOSTS]
    return repositories, wanted_pools(memory, at)


@given(seed=st.integers(0, 2**32), runs=st.integers(1, 40), cut=st.floats(0, 1))
@settings(max_examples=4, deadline=None)
def test_read_back_and_continued_it_advises_the_same(
    tmp_path_factory: pytest.TempPathFactory, seed: int, runs: int, cut: float
) -> None:
    compare(tmp_path_factory.mktemp("learner"), seed, runs, cut)


def test_also_where_there_is_more_than_any_window_shows(tmp_path: Path) -> None:
    """More outcomes of a job than are remembered, and then more runs than are remembered."""
    compare(tmp_path, 1, 700, 0.9, others=RUNS_KEPT)


def compare(folder: Path, seed: int, runs: int, cut: float, others: int = 0) -> None:
    log = Log(seed)
    for _ in range(runs):
        log.run()
    for _ in range(others):
        log.plan(7)
    for _ in range(runs // 10):
        log.run()
    begun = int(len(log.facts) * cut)
    database = open_database(folder / "live.duckdb")
    try:
        if begun:
            store(database, log.facts[:begun], log.facts[begun - 1].seq)
        read_back = rebuild(database.connection)
    finally:
        database.close()
    whole = evolved(Memory(), log.facts[:begun])
    at = log.at / 1e6
    assert advice(read_back, at) == advice(whole, at)
    for memory in (read_back, whole):
        evolved(memory, log.facts[begun:])
    assert advice(read_back, at) == advice(whole, at)
    assert windows(read_back) == windows(whole)


def windows(memory: Memory) -> object:
    return {name: ([*each.ended], [*each.successes_ms], each.kills) for name, each in memory.jobs.items()}
