"""Every message there is, by aggregate: what proto/ is generated from and what the golden files must cover."""

from __future__ import annotations

from types import UnionType

import msgspec

from libs.contracts import (
    advice,
    attempt,
    commands,
    debug,
    delivery,
    envelope,
    group,
    host,
    intake,
    logs,
    model,
    numbering,
    orders,
    plan,
    recognition,
    report,
    run,
    timers,
)

EVENTS: dict[str, type[msgspec.Struct] | UnionType] = {
    "delivery": delivery.DeliveryEvent,
    "intake": intake.IntakeEvent,
    "workflow": numbering.WorkflowEvent,
    "run": run.RunEvent,
    "attempt": attempt.AttemptEvent,
    "group": group.GroupEvent,
    "host": host.HostEvent,
    "report": report.ReportEvent,
    "advice": advice.AdviceEvent,
    "recognition": recognition.RecognitionEvent,
    "model": model.ModelEvent,
}
"""The union of each aggregate's events."""

OTHERS: dict[str, type[msgspec.Struct] | UnionType] = {
    "commit": envelope.Commit,
    "plan": plan.Plan,
    "trigger-command": commands.TriggerCommand,
    "run-command": commands.RunCommand,
    "host-command": commands.HostCommand,
    "model-command": commands.ModelCommand,
    "order": orders.Order,
    "heartbeat": host.Heartbeat,
    "log-chunk": logs.LogChunk,
    "timer": timers.Timer,
    "debug-request": debug.DebugRequest,
    "debug-answer": debug.DebugAnswer,
}


def types_of(union: type[msgspec.Struct] | UnionType) -> tuple[type[msgspec.Struct], ...]:
    """The members of a union of structs; a single struct is a union of one."""
    return union.__args__ if isinstance(union, UnionType) else (union,)
