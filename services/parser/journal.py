"""What is written about one intake, in order: rejected files, then the runs, at the very end the one terminal event.

Each commit is conditional and named after its cause, so a second parser, or a second try, adds nothing: it reads what
is there and goes on behind it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
from msgspec.structs import replace

from libs.blobs.port import Blobs, BlobsDown
from libs.bus.port import Bus, Conflict, Stored
from libs.contracts import envelope, subjects
from libs.contracts.blobs import INLINE_BYTES, BlobRef
from libs.contracts.envelope import decode_commit, type_of
from libs.contracts.intake import DeliveryIgnored, IntakeFailed, RunsPlanned, WorkflowRejected
from libs.contracts.plan import Plan
from libs.contracts.run import RunPlanned
from services.parser.sealing import Origin, seal

Terminal = DeliveryIgnored | RunsPlanned | IntakeFailed
TERMINAL = frozenset({"DeliveryIgnored", "RunsPlanned", "IntakeFailed"})

MAX_SOURCE_BYTES = 512 * 1024
"""Of a rejected file that is kept: half of what a workflow file may have, and far more than anybody reads to mend it.
"""

REJECTED_BYTES = 768 * 1024
"""Of all files' problems: they are one message, which may have a million."""
TOLD_PROBLEMS = (500, 100, 20, 5, 1)
"""Of each file, as many as fit: a file with a mistake that is said nowhere would be worse than one with half of them.
"""


class Ended(Exception):
    """The intake has its terminal event already: somebody else was faster, or it was our own try before a crash."""


@dataclass
class Journal:
    """`place` is where the intake's subject ends, as far as we know."""

    bus: Bus
    blobs: Blobs
    origin: Origin
    place: int = 0

    @property
    def subject(self) -> str:
        return subjects.intake(self.origin.cause)

    async def begin(self) -> None:
        """Raises Ended."""
        self._look_at(await self.bus.last(self.subject))

    async def reject(self, rejected: Sequence[WorkflowRejected], sources: Mapping[str, bytes]) -> None:
        """With their files, by path, for whoever is to say how to mend them. Raises Ended."""
        if rejected and self.place == 0:
            kept = [replace(each, content=await self._kept(sources.get(each.path, b""))) for each in rejected]
            await self._append(fitting(kept), "rejected")

    async def _kept(self, source: bytes) -> BlobRef | None:
        """None where there is nothing, or too much, or no store: what is wrong with a file is said either way."""
        if not 0 < len(source) <= MAX_SOURCE_BYTES:
            return None
        try:
            return await self.blobs.put(source)
        except BlobsDown:
            return None

    async def plan(self, plan: Plan) -> None:
        """The run's first commit. Where the run has moved on already, it was planned: nothing to add."""
        subject = subjects.run(plan.repository.owner, plan.repository.name, plan.run_id)
        encoded = envelope.encode(plan)
        large = len(encoded) > INLINE_BYTES
        event = RunPlanned(plan_blob=await self.blobs.put(encoded)) if large else RunPlanned(plan=plan)
        try:
            await self.bus.append(seal(subject, self.origin, [event]), expected=0)
        except Conflict:
            return

    async def end(self, event: Terminal) -> None:
        """Raises Ended."""
        await self._append([event], type(event).__name__)

    async def _append(self, events: Sequence[msgspec.Struct], part: str) -> None:
        commit = seal(self.subject, self.origin, events, part)
        while True:
            try:
                self.place = await self.bus.append(commit, expected=self.place)
                return
            except Conflict:
                self._look_at(await self.bus.last(self.subject))
                if part == "rejected":
                    return

    def _look_at(self, last: Stored | None) -> None:
        if last is None:
            return
        self.place = last.seq
        if any(type_of(event) in TERMINAL for event in decode_commit(last.data).events):
            raise Ended


def fitting(rejected: Sequence[WorkflowRejected]) -> Sequence[WorkflowRejected]:
    """With as many problems of each file as one message holds."""
    told = rejected
    for most in TOLD_PROBLEMS:
        told = [replace(each, problems=each.problems[:most]) for each in rejected]
        if len(msgspec.json.encode(told)) <= REJECTED_BYTES:
            break
    return told
