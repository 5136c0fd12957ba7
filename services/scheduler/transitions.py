"""Which event may follow in which phase: the tables that the fold obeys and that the documentation is drawn from.

An event that the table does not know in a phase was written by a bug or by somebody else; to go on would be to guess.
"""

from __future__ import annotations

from services.scheduler.run_state import JobPhase, RunPhase

RUN: dict[tuple[RunPhase, str], RunPhase] = {
    ("planned", "RunStarted"): "started",
    ("planned", "RunCancelRequested"): "planned",
    ("planned", "CommandRejected"): "planned",
    ("started", "RunCancelRequested"): "started",
    ("started", "GroupRequested"): "started",
    ("started", "ApprovalGranted"): "started",
    ("started", "ApprovalDenied"): "started",
    ("started", "CommandRejected"): "started",
    ("started", "RunFinished"): "over",
    ("planned", "RunFinished"): "over",
    ("over", "RunRerun"): "planned",
    ("over", "CommandRejected"): "over",
}
"""`RunFinished` of a run that never started: its log could not be understood."""

JOB: dict[tuple[JobPhase, str], JobPhase] = {
    ("waiting", "GroupRequested"): "waiting",
    # A call of which only a part runs again enters its group anew.
    ("calling", "GroupRequested"): "calling",
    ("waiting", "ApprovalRequested"): "waiting",
    ("waiting", "ApprovalGranted"): "waiting",
    ("waiting", "ApprovalDenied"): "waiting",
    ("waiting", "JobQueued"): "queued",
    ("waiting", "JobSkipped"): "skipped",
    ("waiting", "JobFinished"): "finished",
    ("waiting", "CallExpanded"): "calling",
    ("calling", "JobCancelRequested"): "calling",
    ("calling", "JobFinished"): "finished",
    ("queued", "TimeoutAdjusted"): "queued",
    ("queued", "JobAssigned"): "assigned",
    ("queued", "JobFinished"): "finished",
    ("assigned", "AttemptStarted"): "running",
    ("assigned", "AttemptRefused"): "ended",
    ("assigned", "AttemptLost"): "ended",
    ("assigned", "JobCancelRequested"): "assigned",
    ("running", "VmReady"): "running",
    ("running", "StepStarted"): "running",
    ("running", "StepFinished"): "running",
    ("running", "JobCancelRequested"): "running",
    ("running", "AttemptFinished"): "ended",
    ("running", "AttemptLost"): "ended",
    # The attempt's subject is not the run's: it may have ended before the request to stop it was stored.
    ("ended", "JobCancelRequested"): "ended",
    ("ended", "JobQueued"): "queued",
    ("ended", "JobFinished"): "finished",
    ("finished", "RunRerun"): "waiting",
    ("skipped", "RunRerun"): "waiting",
}
"""`RunRerun` of a job that called a workflow, of which only some jobs run again, makes it `calling` as it was."""


class IllegalTransition(Exception):
    """An event that cannot follow; says the state, the event and the recent story."""

    def __init__(self, what: str, phase: str, event: str, story: tuple[str, ...]) -> None:
        super().__init__(f"{what} is {phase}, and {event} cannot follow; before it: {', '.join(story) or 'nothing'}")
        self.what, self.phase, self.event, self.story = what, phase, event, story


def diagram(machine: str) -> str:
    """The Mermaid state diagram of "run" or "job", from the table that the code obeys."""
    table: dict[tuple[RunPhase, str], RunPhase] | dict[tuple[JobPhase, str], JobPhase]
    table, first, last = (RUN, "planned", {"over"}) if machine == "run" else (JOB, "waiting", {"finished", "skipped"})
    arrows: dict[tuple[str, str], list[str]] = {}
    for (phase, event), following in table.items():
        arrows.setdefault((phase, following), []).append(event)
    lines = ["stateDiagram-v2", f"    [*] --> {first}"]
    lines += [f"    {phase} --> {following}: {', '.join(events)}" for (phase, following), events in arrows.items()]
    lines += [f"    {phase} --> [*]" for phase in sorted(last)]
    return "\n".join(lines) + "\n"
