"""What a fired timer says: `timer.due.<key>`."""

from __future__ import annotations

import msgspec

from libs.contracts.ids import JobKey, RepositoryId, RunId


class JobDeadline(msgspec.Struct, frozen=True, tag="JobDeadline"):
    """The attempt's time is over (`timeout-minutes`)."""

    owner: str
    repo: str
    run_id: RunId
    job: JobKey
    n: int


class RunDeadline(msgspec.Struct, frozen=True, tag="RunDeadline"):
    """However it got stuck, a run ends."""

    owner: str
    repo: str
    run_id: RunId
    run_attempt: int


class SchedulesDue(msgspec.Struct, frozen=True, tag="SchedulesDue"):
    """A line of `on.schedule` of this repository is due: which one, the declaration says."""

    repository_id: RepositoryId


class WaitOver(msgspec.Struct, frozen=True, tag="WaitOver"):
    """The wait that an environment asks for is over, or the time to approve it: somebody should look."""

    owner: str
    repo: str
    run_id: RunId
    job: JobKey


RunTimer = JobDeadline | RunDeadline | WaitOver
"""Concern one run."""
Timer = RunTimer | SchedulesDue
