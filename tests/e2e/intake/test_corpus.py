"""All of GitHub's own sample payloads, signed and sent to a real door: each is accepted and each comes to one end."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from libs.bus.memory import MemoryBus
from libs.contracts.intake import DeliveryIgnored, IntakeEvent, IntakeFailed, RunsPlanned, WorkflowRejected
from libs.workflow.events import activity_types
from tests.corpus import PAYLOADS, samples
from tests.e2e.intake.system import EveryCommit, running, settings_for

WORKFLOW = b"""\
on:
  push:
  pull_request:
    types: [opened, synchronize, reopened, closed, labeled, unlabeled, assigned, unassigned, edited, locked, unlocked,
      ready_for_review, converted_to_draft, review_requested, review_request_removed, auto_merge_enabled,
      auto_merge_disabled, milestoned, demilestoned, enqueued, dequeued]
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - run: 'true'
"""


async def test_every_sample_is_accepted_and_ends_in_exactly_one_way(tmp_path: Path) -> None:
    sent = samples()
    assert len(sent) == PAYLOADS
    async with running(MemoryBus(), settings_for(tmp_path), EveryCommit({"ci.yml": WORKFLOW})) as system:
        answers = await asyncio.gather(*(system.send(event, body) for event, body in sent))
        assert {answer.status_code for _, answer in answers} == {202}
        names = [guid for guid, _ in answers]
        ended = await system.ended(set(names))
        for guid in names:
            assert len(terminal(ended[guid])) == 1
            assert await system.deliveries(guid) == 1
        ends = [terminal(ended[guid])[0] for guid in names]
        for (event, body), end in zip(sent, ends, strict=True):
            expect(event, body, end)
        runs = [run for end in ends if isinstance(end, RunsPlanned) for run in end.runs.values()]
        assert len(set(runs)) == len(runs) == await system.runs()


def terminal(events: list[IntakeEvent]) -> list[IntakeEvent]:
    return [event for event in events if not isinstance(event, WorkflowRejected)]


def expect(event: str, body: bytes, end: IntakeEvent) -> None:
    """A push that deletes nothing and every pull request have their run; what Firebreak does not run says so."""
    payload = json.loads(body)
    if event == "pull_request" or (event == "push" and not payload["deleted"]):
        assert isinstance(end, RunsPlanned), end
        assert set(end.runs) == {".github/workflows/ci.yml"}, (event, payload.get("action"), end)
    elif event == "workflow_dispatch":
        assert isinstance(end, IntakeFailed), end
        assert "no workflow" in end.why
    elif isinstance(end, RunsPlanned):
        assert event in activity_types, event
        assert not end.runs, (event, end)
        assert end.unmatched
    else:
        assert isinstance(end, DeliveryIgnored), (event, end)
        assert end.why
