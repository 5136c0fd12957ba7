"""What a local run's intake came to, workflow by workflow."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field

import msgspec

from libs.bus.port import Bus, Stored
from libs.contracts import subjects
from libs.contracts.envelope import decode_commit
from libs.contracts.ids import RunId
from libs.contracts.intake import DeliveryIgnored, IntakeEvent, IntakeFailed, Problem, RunsPlanned, WorkflowRejected
from services.cli.outcome import Failed

_intakes: msgspec.json.Decoder[IntakeEvent] = msgspec.json.Decoder(IntakeEvent)


@dataclass
class Outcome:
    """`runs` by workflow path; `unmatched` with the reason; `problems` of the files with errors, in their order."""

    runs: dict[str, RunId] = field(default_factory=dict[str, RunId])
    unmatched: dict[str, str] = field(default_factory=dict[str, str])
    problems: list[Problem] = field(default_factory=list[Problem])
    why: str = ""
    """Why nothing could be planned at all."""

    def add(self, event: IntakeEvent) -> bool:
        """Whether this ends the intake."""
        match event:
            case WorkflowRejected(problems=problems):
                self.problems += problems
                return False
            case RunsPlanned(runs=runs, unmatched=unmatched):
                self.runs |= runs
                self.unmatched |= {each.path: each.why for each in unmatched}
            case DeliveryIgnored(why=why) | IntakeFailed(why=why):
                self.why = why
        return True


async def gather(bus: Bus, cause: str, outcome: Outcome) -> None:
    """Waits until the intake of `cause` is over and adds what it came to."""
    async with contextlib.aclosing(bus.tail(subjects.EVENTS, (subjects.intake(cause),), 0)) as messages:
        async for message in messages:
            events = decode_commit(message.data).events if isinstance(message, Stored) else ()
            if any(outcome.add(_intakes.decode(raw)) for raw in events):
                return
    raise Failed(f"the log ended before it told what became of {cause}")
