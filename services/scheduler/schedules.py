"""When workflows are due by `on.schedule`, and which of them follow a run: a fold of `SchedulesDeclared`, and what is
to be done now. Pure: the time is an argument, and nothing here remembers what was sent before; a command's id does.

A line that was due while no scheduler was there is made up for, the newest time only, within `MISSED_SECONDS`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import msgspec

from libs.contracts.commands import TriggerFollowers, TriggerSchedule
from libs.contracts.ids import CommandId, RunId, token
from libs.contracts.plan import Repository
from libs.contracts.run import RunEvent, RunFinished, RunPlanned, RunRerun, RunStarted
from libs.contracts.schedules import DeclaredSchedule, FollowedRuns, SchedulesDeclared
from libs.contracts.subjects import RunAddress
from libs.workflow.cron import Cron, CronError, last_until, next_after, parse_cron, zone_of

MISSED_SECONDS = 3600.0
"""GitHub delays schedules by up to an hour when it is busy; what is later than that is another day's business."""


class Standing(msgspec.Struct, frozen=True):
    """What a repository waits for. `since` is when each line was declared first: what was due before is not missed."""

    declared: SchedulesDeclared
    at: datetime
    since: dict[DeclaredSchedule, datetime]


def evolve(before: Standing | None, event: SchedulesDeclared, at: datetime) -> Standing:
    """`at` is when it was stored. A line that stays keeps its time."""
    known = {} if before is None else before.since
    return Standing(event, at, {line: known.get(line, at) for line in event.schedules})


def due(standing: Standing, now: datetime) -> list[TriggerSchedule]:
    """The commands that must have been sent by now: the newest slot of each line that is not too long ago."""
    commands: list[TriggerSchedule] = []
    for line, since in standing.since.items():
        cron = _cron(line)
        after = max(since, now - timedelta(seconds=MISSED_SECONDS))
        slot = None if cron is None else last_until(cron, zone_of(line.timezone or None), after, now)
        if slot is not None:
            commands.append(_command(standing.declared, line, slot))
    return commands


def next_due(standing: Standing, now: datetime) -> datetime | None:
    """When to look again; None where nothing will ever be due."""
    times: list[datetime] = []
    for line in standing.since:
        cron = _cron(line)
        slot = None if cron is None else next_after(cron, zone_of(line.timezone or None), now)
        if slot is not None:
            times.append(slot)
    return min(times, default=None)


def followers(
    standing: Standing, address: RunAddress, events: Iterable[RunEvent], at: datetime, workflow: str = ""
) -> list[TriggerFollowers]:
    """What follows from events of a run that were stored at that time. `workflow` is its workflow's name; where it is
    not known (empty) the parser, which has the plan, sees whether it is waited for.
    """
    if (
        not standing.declared.follows
        or at < standing.at
        or address_of(standing.declared.repository) != (address.owner, address.repo)
    ):
        return []
    asked = [each for each in standing.declared.follows if _names(each, workflow)]
    wanted = {kind for each in asked for kind in each.types or _TYPES}
    found = [kind for event in events if (kind := _activity(event)) is not None and kind[0] in wanted]
    return [_follow(standing.declared, address.run_id, action, attempt) for action, attempt in found]


def address_of(repository: Repository) -> tuple[str, str]:
    """Owner and name as they are in the subjects of its runs."""
    return token(repository.owner), token(repository.name)


def _names(follows: FollowedRuns, workflow: str) -> bool:
    return not workflow or not follows.workflows or workflow in follows.workflows


_TYPES = ("requested", "in_progress", "completed")


def _activity(event: RunEvent) -> tuple[str, int] | None:
    """As on GitHub, a rerun is not requested again."""
    if isinstance(event, RunPlanned):
        return ("requested", 1)
    if isinstance(event, RunStarted | RunRerun):
        return ("in_progress", event.run_attempt)
    return ("completed", event.run_attempt) if isinstance(event, RunFinished) else None


def _follow(declared: SchedulesDeclared, run_id: RunId, action: str, run_attempt: int) -> TriggerFollowers:
    return TriggerFollowers(
        id=CommandId(f"follows-{run_id}-{run_attempt}-{action}"),
        repository=declared.repository,
        run_id=run_id,
        run_attempt=run_attempt,
        action=action,
        owner_id=declared.owner_id,
    )


def _command(declared: SchedulesDeclared, line: DeclaredSchedule, slot: datetime) -> TriggerSchedule:
    what = (declared.repository.id, line.path, line.cron, line.timezone, slot.astimezone(UTC).isoformat())
    digest = hashlib.sha256("\n".join(map(str, what)).encode()).hexdigest()[:32]
    return TriggerSchedule(
        id=CommandId(f"schedule-{digest}"),
        repository=declared.repository,
        path=line.path,
        cron=line.cron,
        slot=slot,
        timezone=line.timezone,
        by=declared.by,
        owner_id=declared.owner_id,
    )


@lru_cache(maxsize=4096)
def _cron(line: DeclaredSchedule) -> Cron | None:
    """None for what a newer parser took and this scheduler does not: it is never due here."""
    try:
        zone_of(line.timezone or None)
        return parse_cron(line.cron)
    except (CronError, ValueError):
        return None
