"""What a fired timer says: `timer.due.<key>`."""

from __future__ import annotations

import msgspec

from libs.contracts.ids import JobKey, RunId


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


Timer = JobDeadline | RunDeadline
