"""What became of deliveries and commands: the intakes of the log, and each in words."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from datetime import datetime

import msgspec

from libs.bus.port import Bus, Stored
from libs.contracts import subjects
from libs.contracts.envelope import decode_commit
from libs.contracts.ids import RunId
from libs.contracts.intake import DeliveryIgnored, IntakeEvent, IntakeFailed, Problem, RunsPlanned, WorkflowRejected

FIRST_WINDOW = 5_000
"""Messages read from the log's end for the newest intakes; four times as many whenever they were too few."""

_events = msgspec.json.Decoder(IntakeEvent)


class Intake(msgspec.Struct):
    """`id` is a delivery's GUID or a command's id. `outcome` is `open` until it ended."""

    id: str
    time: datetime
    event: str = ""
    repository: str = ""
    outcome: str = "open"
    runs: dict[str, RunId] = {}
    unmatched: dict[str, str] = {}
    problems: list[Problem] = []
    why: str = ""


async def find_intake(bus: Bus, cause: str) -> Intake | None:
    found = _intakes(await bus.load(subjects.intake(cause)))
    return found[0] if found else None


async def newest_intakes(bus: Bus, limit: int) -> list[Intake]:
    """The newest `limit`, newest first."""
    extent = await bus.extent(subjects.EVENTS)
    window = FIRST_WINDOW
    while True:
        after = max(extent.first - 1, extent.last - window)
        found = _intakes(await bus.load(subjects.ALL_INTAKES, after))
        if len(found) >= limit or after < extent.first:
            return list(reversed(found))[:limit]
        window *= 4


def in_words(intake: Intake) -> list[str]:
    """What became of it, a sentence a line: what runs, what does not and why."""
    lines = [f"{path} runs: {run_id}" for path, run_id in intake.runs.items()]
    lines += [f"{path} does not run: {why}" for path, why in intake.unmatched.items()]
    lines += [f"{each.file}:{each.line}:{each.column}: {each.message}" for each in intake.problems]
    if intake.why:
        lines.append(f"nothing ran: {intake.why}")
    if intake.outcome == "open":
        lines.append("it is not read yet, or is being read")
    return lines


def _intakes(stored: Iterable[Stored]) -> list[Intake]:
    """In the order in which they began."""
    found: dict[str, Intake] = {}
    for each in stored:
        cause = each.subject.rpartition(".")[2]
        commit = decode_commit(each.data)
        intake = found.setdefault(cause, Intake(cause, commit.time))
        for raw in commit.events:
            with contextlib.suppress(msgspec.ValidationError):  # a newer parser's event: the others are told
                _add(intake, _events.decode(raw))
    return list(found.values())


def _add(intake: Intake, event: IntakeEvent) -> None:
    intake.repository = event.repository or intake.repository
    match event:
        case WorkflowRejected(problems=problems):
            intake.problems = [*intake.problems, *problems]
        case RunsPlanned(event=name, runs=runs, unmatched=unmatched):
            intake.event, intake.outcome, intake.runs = name, "planned" if runs else "unmatched", runs
            intake.unmatched = {each.path: each.why for each in unmatched}
        case DeliveryIgnored(event=name, why=why):
            intake.event, intake.outcome, intake.why = name, "ignored", why
        case IntakeFailed(event=name, why=why):
            intake.event, intake.outcome, intake.why = name, "failed", why
