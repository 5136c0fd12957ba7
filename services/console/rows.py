"""What the console keeps of a run and of a delivery's fate beside the events themselves: one row each, for the lists.

A row is a run without its jobs: it becomes a view, the view takes the next commit by the one fold that all readers
share, and the view becomes a row again. Nothing here interprets an event of a run.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from libs.contracts.blobs import BlobRef
from libs.contracts.ids import RunId
from libs.contracts.intake import (
    DeliveryIgnored,
    IntakeEvent,
    IntakeFailed,
    Problem,
    RunsPlanned,
    WorkflowRejected,
    WorkflowUnmatched,
)
from libs.contracts.plan import Plan
from libs.contracts.results import Result
from libs.views.run import RunState, RunView

_BRANCH = "refs/heads/"
_TAG = "refs/tags/"


class RunRow(msgspec.Struct):
    """Columns of the table `run`. `first_seq` is where the run began in the log, and orders the list."""

    run_id: RunId
    first_seq: int
    last_seq: int
    owner: str
    repo: str
    cause: str
    repository: str
    workflow: str = ""
    path: str = ""
    title: str = ""
    number: int = 0
    event: str = ""
    ref: str = ""
    branch: str = ""
    sha: str = ""
    actor: str = ""
    trust: str = ""
    pull_request: int | None = None
    state: RunState = "planned"
    run_attempt: int = 1
    conclusion: Result | None = None
    planned: datetime | None = None
    started: datetime | None = None
    finished: datetime | None = None
    steps_run: int = 0
    why: str = ""
    unknown: int = 0
    plan_digest: str = ""
    plan_size: int = 0

    @property
    def missing_plan(self) -> BlobRef | None:
        """The blob of a plan that nobody has read yet."""
        return BlobRef(self.plan_digest, self.plan_size) if self.plan_digest and not self.path else None


def view_of(row: RunRow) -> RunView:
    """The run without its jobs, to be folded on."""
    return RunView(
        row.run_id,
        row.owner,
        row.repo,
        row.cause,
        state=row.state,
        run_attempt=row.run_attempt,
        conclusion=row.conclusion,
        planned=row.planned,
        started=row.started,
        finished=row.finished,
        steps_run=row.steps_run,
        why=row.why,
        unknown=row.unknown,
    )


def take_view(row: RunRow, view: RunView) -> None:
    """What the fold made of the run goes into its row, which is changed."""
    row.state, row.run_attempt, row.conclusion = view.state, view.run_attempt, view.conclusion
    row.planned, row.started, row.finished = view.planned, view.started, view.finished
    row.steps_run, row.why, row.unknown = view.steps_run, view.why, view.unknown
    if view.plan is not None:
        take_plan(row, view.plan)
    elif view.plan_blob is not None:
        row.plan_digest, row.plan_size = view.plan_blob.digest, view.plan_blob.size


def take_plan(row: RunRow, plan: Plan) -> None:
    row.repository = plan.repository.full_name
    row.workflow, row.path = plan.workflow_name or plan.workflow_path, plan.workflow_path
    row.title, row.number = plan.run_name, plan.run_number
    row.event, row.ref, row.sha = plan.event, plan.ref, plan.sha
    row.branch = branch_of(plan)
    row.actor, row.trust, row.pull_request = plan.actor, plan.trust, plan.pull_request


def branch_of(plan: Plan) -> str:
    """The branch or tag that people know the run by: a pull request's own branch, not its merge ref."""
    head = plan.github.get("head_ref")
    if isinstance(head, str) and head:
        return head
    return plan.ref.removeprefix(_BRANCH).removeprefix(_TAG)


IntakeKind = Literal["rejected", "failed", "ignored", "unmatched"]


class IntakeRow(msgspec.Struct):
    """Columns of the table `intake`: why nothing ran, or less than was hoped for. `place` counts within its commit."""

    seq: int
    place: int
    cause: str
    time: datetime
    kind: IntakeKind
    repository: str
    event: str = ""
    path: str = ""
    sha: str = ""
    why: str = ""
    problems: tuple[Problem, ...] = ()
    unmatched: tuple[WorkflowUnmatched, ...] = ()


def intake_of(event: IntakeEvent, seq: int, place: int, cause: str, time: datetime) -> IntakeRow | None:
    """None for a delivery that led to runs: those speak for themselves."""
    row = IntakeRow(seq, place, cause, time, "failed", event.repository)
    match event:
        case WorkflowRejected():
            row.kind, row.path, row.sha, row.problems = "rejected", event.path, event.sha, event.problems
        case IntakeFailed():
            row.kind, row.event, row.why = "failed", event.event, event.why
        case DeliveryIgnored():
            row.kind, row.event, row.why = "ignored", event.event, event.why
        case RunsPlanned():
            if event.runs:
                return None
            row.kind, row.event, row.sha, row.unmatched = "unmatched", event.event, event.sha, event.unmatched
            row.why = _nothing(event)
    return row


def _nothing(event: RunsPlanned) -> str:
    if event.rejected:
        return f"nothing ran: {len(event.rejected)} workflow files have errors, and no other file wants this event"
    return f"no workflow file wants the event `{event.event}`"
