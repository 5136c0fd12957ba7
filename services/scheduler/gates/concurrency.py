"""`concurrency` of a run and of its jobs: what is asked of which group, and what the group's state then means for them.

The groups' states are handed in; who changes them is the shell, by `group.decide_group`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from libs.contracts import subjects
from libs.contracts.group import GroupChanged, Member
from libs.contracts.ids import CommandId, JobKey
from libs.contracts.plan import Concurrency
from libs.contracts.run import GroupRequested, RunCancelRequested
from libs.workflow.expressions import (
    ExpressionError,
    HashFilesWanted,
    Scope,
    Value,
    availability_of,
    evaluate_string,
    to_string,
)
from services.scheduler.gates.group import Wish, ousted_why
from services.scheduler.job_keys import BadKey
from services.scheduler.run_state import DONE, Job, Run

MAX_GROUP_CHARACTERS = 400
"""GitHub's bound for the name of a group."""

NO_JOB = JobKey("")
"""The run itself."""

Groups = Mapping[str, GroupChanged]
"""The groups' states, by subject; one that is not known yet is missing."""


def request_of(run: Run, member: Member, concurrency: Concurrency, scope: Scope) -> GroupRequested:
    """What the member asks for, evaluated. Raises BadKey."""
    key, where = _place(run, member)
    whole = _value(concurrency.group, scope, key, where)
    if isinstance(whole, dict):
        # All of `concurrency` is one expression, and gives the mapping.
        values = [whole.get("group"), whole.get("cancel-in-progress"), whole.get("queue") or "single"]
        if unknown := whole.keys() - {"group", "cancel-in-progress", "queue"}:
            raise BadKey(f"`{where}`: it has no key {', '.join(sorted(unknown))[:100]}")
    else:
        others = (concurrency.cancel_in_progress, concurrency.queue)
        values = [whole, *(_value(written, scope, key, where) for written in others)]
    group = _text(values[0], f"{where}: group")
    cancel = _flag(values[1], f"{where}: cancel-in-progress")
    queue = _text(values[2], f"{where}: queue")
    if not group:
        raise BadKey(
            f"the group of `{where}` is empty for this event: give it a fallback, as in `github.head_ref || github.sha`"
        )
    if len(group) > MAX_GROUP_CHARACTERS:
        raise BadKey(f"the group of `{where}`: {MAX_GROUP_CHARACTERS} characters at most")
    if queue not in ("single", "max"):
        raise BadKey(f"the queue of `{where}`: expected `single` or `max`")
    if cancel and queue == "max":
        raise BadKey(f"`{where}`: `cancel-in-progress` leaves nobody to queue up, so it cannot go with `queue: max`")
    return GroupRequested(group, member.job, member.called, cancel, queue, run.run_attempt)


def _place(run: Run, member: Member) -> tuple[str, str]:
    """The row of the table of contexts, and what messages call it."""
    if not member.job:
        return "concurrency", "concurrency"
    job_id = run.jobs[member.job].job_id
    if member.called:
        return "concurrency", f"concurrency of the workflow that job {job_id} calls"
    return "jobs.<job_id>.concurrency", f"jobs.{job_id}.concurrency"


def group_subject(run: Run, group: str) -> str:
    return subjects.group(run.plan.repository.id, group)


def member_of(run: Run, job: JobKey = NO_JOB, *, called: bool = False) -> Member:
    return Member(run.id, run.run_attempt, job, called)


def is_holder(run: Run, member: Member, groups: Groups) -> bool:
    """Whether a member that asked is in; it may have to end for all that."""
    state = groups.get(group_subject(run, run.requests[member].group))
    return state is not None and state.holder == member


def holds(run: Run, member: Member, groups: Groups) -> bool:
    """Whether a member that asked may go on."""
    state = groups.get(group_subject(run, run.requests[member].group))
    return state is not None and state.holder == member and ousted_why(state, member) is None


def part_of(run: Run, job_id: str) -> Iterator[Member]:
    """Everything that is not over before this job is, from the inside out."""
    caller = run.caller_of(job_id)
    while caller is not None:
        yield member_of(run, caller.key, called=True)
        yield member_of(run, caller.key)
        caller = run.caller_of(caller.job_id)
    yield member_of(run)


def ousted(run: Run, groups: Groups) -> Iterator[tuple[Member, str]]:
    """The members of this run that have to end, and why."""
    for member, request in run.requests.items():
        state = groups.get(group_subject(run, request.group))
        why = None if state is None else ousted_why(state, member)
        if why is not None:
            yield member, why


def superseded(run: Run, groups: Groups) -> RunCancelRequested | None:
    """The run's end, where its own group has another one in its place."""
    if run.cancel is not None:
        return None
    why = next((why for member, why in ousted(run, groups) if not member.job), None)
    if why is None:
        return None
    command = CommandId(f"superseded-{run.id}-{run.run_attempt}")
    return RunCancelRequested(command, "firebreak", "superseded", why)


def is_over(run: Run | None, member: Member) -> bool:
    """What the run's log says of a member; a run that is known no more is over."""
    if run is None or run.over or run.run_attempt != member.run_attempt:
        return True
    if not member.job:
        return False
    job = run.jobs.get(member.job)
    return job is None or job.phase in DONE


def wishes_of(run: Run) -> list[Wish]:
    """All that was asked and is not over, in the order of asking."""
    return [
        Wish(member, request.group, request.cancel_in_progress, request.queue, (request.at, run.id, place))
        for place, (member, request) in enumerate(run.requests.items())
        if not is_over(run, member)
    ]


def deadlock(run: Run, wanted: GroupRequested) -> str:
    """Why the member could wait for ever: what it is part of holds or awaits the same group. Empty where it is not."""
    subject = group_subject(run, wanted.group)
    for outer in _around(run, wanted):
        request = run.requests.get(outer)
        if request is not None and group_subject(run, request.group) == subject:
            other = f"job {outer.job}" if outer.job else "the workflow"
            return f"a deadlock: it and {other}, which it is part of, are in the same concurrency group {wanted.group}"
    return ""


def _around(run: Run, wanted: GroupRequested) -> Iterator[Member]:
    if wanted.called:
        yield member_of(run, wanted.job)
    yield from part_of(run, run.jobs[wanted.job].job_id)


def is_inside(run: Run, outer: Member, member: Member) -> bool:
    """Whether `outer` is not over before `member` is, both of this run."""
    job = run.jobs.get(member.job)
    if job is None or member.run_attempt != run.run_attempt:
        return False
    own = (member_of(run, job.key),) if member.called else ()
    return outer in (*own, *part_of(run, job.job_id))


def at_gate(run: Run, job: Job) -> bool:
    """It asked for something that it still waits for."""
    return job.phase == "waiting" and (job.hold is not None or member_of(run, job.key) in run.requests)


def _value(written: bool | str, scope: Scope, key: str, where: str) -> Value:
    if isinstance(written, bool):
        return written
    try:
        return evaluate_string(written, scope, availability_of(key))
    except (ExpressionError, HashFilesWanted) as error:
        raise BadKey(f"`{where}`: {error}") from None


def _text(value: Value, where: str) -> str:
    if isinstance(value, list | dict):
        raise BadKey(f"`{where}`: expected text")
    return to_string(value).strip()


def _flag(value: Value, where: str) -> bool:
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if value is None or value == "":
        return False
    if not isinstance(value, bool):
        raise BadKey(f"`{where}`: expected true or false")
    return value
