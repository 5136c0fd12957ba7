"""Facts straight into a file, for what a log would take many events to say."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, cast

from libs.bus.port import Stored
from libs.contracts import subjects
from services.learner.folding.facts import Fact, PlanFact, StepFact
from services.learner.store.batch import Batch
from services.learner.store.database import Database

NOON = 1_795_435_200_000_000
"""Microseconds since 1970: 2026-11-23 12:00 UTC."""


def plan(
    seq: int,
    run_id: int,
    *,
    ref: str = "refs/heads/main",
    sha: str = "a",
    repository_id: int = 5,
    at: int = 0,
    private: bool = False,
    trial: str = "",
) -> PlanFact:
    return PlanFact(
        seq=seq,
        stored_at=at or NOON + seq * 1_000_000,
        run_id=run_id,
        repository_id=repository_id,
        repository=f"octo/r{repository_id}",
        path="ci.yml",
        workflow="CI",
        number=run_id,
        event="push",
        sha=sha,
        ref=ref,
        run_name="CI",
        actor="octocat",
        trust="own",
        pull_request=None,
        cause="guid",
        lockfiles="",
        trial=trial,
        private=private,
    )


def step(
    seq: int, run_id: int, outcome: str, *, name: str = "Run make", n: int = 1, fingerprint: str = "", at: int = 0
) -> StepFact:
    return StepFact(
        seq=seq,
        place=0,
        stored_at=at or NOON + seq * 1_000_000,
        run_id=run_id,
        job="build",
        name=name,
        n=n,
        step=0,
        outcome=outcome,
        conclusion=outcome,
        duration_ms=10.0,
        exit_code=0,
        lines=1,
        annotations=0,
        command="make",
        fingerprint=fingerprint,
        said=f"error {fingerprint}" if fingerprint else "",
        category="",
        part="main",
        why="",
    )


def write(database: Database, facts: Sequence[Fact]) -> None:
    """As one batch; EVENTS is then read up to the last fact."""
    batch = Batch(facts=list(facts))
    seq = max((fact.seq for fact in facts), default=0)
    batch.last[subjects.EVENTS] = Stored(seq, "ev.run.o.r.1", b"{}", datetime.now(UTC), {})
    batch.counts[subjects.EVENTS] = len(facts)
    database.write(batch)


def connection_of(database: Database) -> Any:
    """The writer's own connection: what is derived is asked for there, and no snapshot is made in between."""
    return cast("Any", database)._connection
