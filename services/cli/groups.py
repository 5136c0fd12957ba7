"""What is ahead of a run, or of a job of it, in its concurrency group: read off the group's own log."""

from __future__ import annotations

import msgspec

from libs.bus.port import Bus
from libs.contracts import subjects
from libs.contracts.envelope import decode_commit
from libs.contracts.group import GroupChanged, Member
from libs.contracts.ids import JobKey
from libs.views.run import RunView

_states = msgspec.json.Decoder(GroupChanged)


async def group_reasons(bus: Bus, view: RunView) -> list[str]:
    """One sentence for each group that the run or a job of it waits for; none for one that it holds."""
    if view.plan is None or view.state == "finished":
        return []
    reasons: list[str] = []
    for key, name in view.groups.items():
        stored = await bus.last(subjects.group(view.plan.repository.id, name))
        reason = None if stored is None else _reason(view, key, _states.decode(decode_commit(stored.data).events[-1]))
        if reason:
            reasons.append(f"{key or 'the run'} waits for the concurrency group {name}: {reason}")
    return reasons


def _reason(view: RunView, key: JobKey, state: GroupChanged) -> str:
    place = next((number for number, member in enumerate(state.pending) if _is_ours(member, view, key)), None)
    if place is None or state.holder is None:
        return ""
    ahead = f", and {place} more come first" if place > 1 else ", and one more comes first" if place else ""
    leaving = any(gone.member == state.holder for gone in state.ousted)
    return f"{_shown(state.holder)} holds it{', and is being cancelled' if leaving else ''}{ahead}"


def _is_ours(member: Member, view: RunView, key: JobKey) -> bool:
    return member.run_id == view.run_id and member.job == key


def _shown(member: Member) -> str:
    return f"job {member.job} of run {member.run_id}" if member.job else f"run {member.run_id}"
