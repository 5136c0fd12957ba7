"""What the default branch of a repository waits for besides deliveries: `ev.workflow.<repository_id>.schedules`.

Written by the parser alone, when a push to the default branch changed it. The scheduler owns the clock and the runs,
so it is who acts on it: it sends the parser a command when a line is due, or a run that is followed got further.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from libs.contracts.plan import Repository


class DeclaredSchedule(msgspec.Struct, frozen=True):
    """One line of `on.schedule` in one workflow file; `timezone` empty is UTC."""

    path: str
    cron: str
    timezone: str = ""


class FollowedRuns(msgspec.Struct, frozen=True):
    """One `on.workflow_run`: names of workflows (none: any) and activity types (none: all)."""

    path: str
    workflows: tuple[str, ...] = ()
    types: tuple[str, ...] = ()


class SchedulesDeclared(msgspec.Struct, frozen=True, tag="SchedulesDeclared"):
    """All of them, as of a push: what is not in it is not waited for any more. `pushed` is when the push was received:
    an older push that is read later declares nothing. `by` is who pushed, the actor of the runs that follow.
    """

    repository: Repository
    ref: str
    sha: str
    pushed: datetime
    by: str = ""
    owner_id: int = 0
    schedules: tuple[DeclaredSchedule, ...] = ()
    follows: tuple[FollowedRuns, ...] = ()
