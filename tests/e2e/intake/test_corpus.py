"""All of GitHub's own sample payloads, signed and sent to a real door: each is accepted and each comes to one end."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from libs.bus.memory import MemoryBus
from libs.contracts.intake import DeliveryIgnored, IntakeEvent, IntakeFailed, RunsPlanned, WorkflowRejected
from libs.workflow.events import activity_types
from tests.corpus import PAYLOADS, samples
from tests.e2e.intake.system import EveryCommit, running, settings_for

NOT_LISTED = {"pull_request", "pull_request_target", "schedule", "workflow_run", "workflow_call", "workflow_dispatch"}
"""They are written out, or want more than a name."""
FILE = ".github/workflows/ci.yml"
WORKFLOW = f"""\
on:
  pull_request: {{types: [{", ".join(activity_types["pull_request"])}]}}
  pull_request_target: {{types: [closed]}}
{"".join(f"  {name}:" + chr(10) for name in activity_types if name not in NOT_LISTED)}
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - run: 'true'
""".encode()


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
    """Each payload of an event that starts workflows has its run, unless it is one of those that start none."""
    payload = json.loads(body)
    why = silent(event, payload)
    if event == "workflow_dispatch":
        assert isinstance(end, IntakeFailed), end
        assert "no workflow" in end.why
    elif event in activity_types and why is None:
        assert isinstance(end, RunsPlanned), (event, payload.get("action"), end)
        wanted = {FILE}
        if event == "pull_request" and payload["action"] == "closed":
            wanted.add(f"{FILE} (pull_request_target)")
        assert set(end.runs) == wanted, (event, payload.get("action"), end)
    elif isinstance(end, RunsPlanned):
        assert not end.runs, (event, end)
        assert why in end.unmatched[0].why, (event, end)
    else:
        assert isinstance(end, DeliveryIgnored), (event, end)
        assert (why or "starts no workflows") in end.why or payload.get("repository") is None or event == "ping", end


def silent(event: str, payload: Any) -> str | None:
    """Why a payload of an event that `on` may name starts nothing all the same."""
    if event == "push" and payload["deleted"]:
        return "the push deleted"
    if event == "workflow_run":
        return "one of GitHub's Actions"
    if event in ("check_run", "check_suite") and payload[event]["app"].get("slug") == "github-actions":
        return "one of GitHub's Actions"
    if event == "release" and payload["release"]["draft"] and payload["action"] in ("created", "edited", "deleted"):
        return "is a draft"
    types = activity_types.get(event, ())
    if event != "repository_dispatch" and types and payload.get("action") not in types:
        return "the activity is"
    return None
