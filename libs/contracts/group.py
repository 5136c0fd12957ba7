"""A concurrency group: `ev.group.<repository_id>.<hash of the group>`, written by the scheduler alone.

Each event is the group's whole state, so that the last one says all. Who leaves follows from the runs' own logs.
"""

from __future__ import annotations

import msgspec

from libs.contracts.ids import JobKey, RunId


class Member(msgspec.Struct, frozen=True):
    """A run (`job` empty), one of its jobs, or the workflow that the job calls (`called`)."""

    run_id: RunId
    run_attempt: int = 1
    job: JobKey = JobKey("")
    called: bool = False


class Ousted(msgspec.Struct, frozen=True):
    """A member that is to end, and why. It stays here until its run's log says that it did."""

    member: Member
    why: str
    by: Member | None = None


class GroupChanged(msgspec.Struct, frozen=True, tag="GroupChanged"):
    """`group` as the first member wrote it. Of `pending`, the first is the next holder. A holder that is `ousted`
    holds on until it is over: two never run at once. `why` is what changed.
    """

    group: str
    holder: Member | None = None
    pending: tuple[Member, ...] = ()
    ousted: tuple[Ousted, ...] = ()
    why: str = ""


GroupEvent = GroupChanged
