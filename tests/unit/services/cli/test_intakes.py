"""What became of a delivery, in words: also why nothing ran."""

from __future__ import annotations

from datetime import UTC, datetime

from libs.bus.memory import MemoryBus
from libs.contracts import envelope, subjects
from libs.contracts.ids import Cause, RunId, commit_id
from libs.contracts.intake import (
    DeliveryIgnored,
    IntakeEvent,
    Problem,
    RunsPlanned,
    WorkflowRejected,
    WorkflowUnmatched,
)
from services.cli.intakes import find_intake, in_words, newest_intakes

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


async def say(bus: MemoryBus, cause: str, *events: IntakeEvent) -> None:
    subject = subjects.intake(cause)
    commit = envelope.commit(
        id=commit_id(subject, cause), source="parser", subject=subject, cause=Cause(cause), now=NOON, events=[*events]
    )
    await bus.append(commit, expected=0)


async def test_each_file_says_whether_it_runs_and_why_not() -> None:
    bus = MemoryBus()
    unmatched = (WorkflowUnmatched("b.yml", "the branch `x` matches none of `main`"),)
    rejected = WorkflowRejected("octo/demo", "a" * 40, "c.yml", (Problem("c.yml", 3, 1, "unknown key"),))
    await say(bus, "one", rejected, RunsPlanned("octo/demo", "a" * 40, "push", {"a.yml": RunId(7)}, unmatched))
    found = await find_intake(bus, "one")
    assert found is not None
    assert (found.event, found.repository, found.outcome) == ("push", "octo/demo", "planned")
    assert in_words(found) == [
        "a.yml runs: 7",
        "b.yml does not run: the branch `x` matches none of `main`",
        "c.yml:3:1: unknown key",
    ]


async def test_the_newest_come_first_and_nothing_ran_says_why() -> None:
    bus = MemoryBus()
    for number in range(5):
        await say(bus, f"number-{number}", DeliveryIgnored("push", f"the commit message says `[skip {number}]`", "o/d"))
    newest = await newest_intakes(bus, 2)
    assert [each.id for each in newest] == ["number-4", "number-3"]
    assert in_words(newest[0]) == ["nothing ran: the commit message says `[skip 4]`"]


async def test_what_the_log_does_not_know() -> None:
    assert await find_intake(MemoryBus(), "nobody") is None
    assert await newest_intakes(MemoryBus(), 5) == []
