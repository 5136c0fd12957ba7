"""What of a workflow the engine cannot run by itself, found in events: an action that could not be had, a label that no
host offers, a key that was refused. Pure; whether a model is asked is not decided here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import cast

import msgspec
from msgspec import Struct

from libs.contracts.host import HostJoined, offers
from libs.contracts.ids import JobKey, called_id
from libs.contracts.intake import Problem, WorkflowRejected
from libs.contracts.model import ProposalAbout, ProposalPlace
from libs.contracts.plan import Plan, PlannedJob, PlannedStep, Trust
from libs.contracts.size import size_of_label
from libs.views.run import RunView

PROBLEMS_A_FILE = 3
"""Of a rejected file: the first are the ones to mend, and the rest often follow from them."""
LINES_AROUND = 6
SUBJECT_CHARACTERS = 200


_SAID_ONLY = frozenset({"name", "id"})
"""What a workflow calls its jobs and steps makes no name known: it is words, and may be anybody's."""
_COMMENT = re.compile(r"(?:^|\s)#.*")


class Need(Struct, frozen=True):
    """`subject` cannot run, for the reason in `why`; `asked` is that piece and `original` what is around it, which is
    not asked about: it says which names are known. `labels` are those on offer, of `runs-on` alone.
    """

    about: ProposalAbout
    subject: str
    why: str
    place: ProposalPlace
    asked: str
    original: str
    trust: Trust
    labels: tuple[str, ...] = ()


def lacking_actions(view: RunView, lacking: Iterable[tuple[JobKey, int]]) -> tuple[Need, ...]:
    """Of steps, by their job and index, whose actions the agent could not get; each once, whatever the matrix."""
    found: dict[tuple[str, str, int], Need] = {}
    for key, index in lacking:
        job = view.jobs.get(key)
        located = _located(view, job.job_id) if job is not None else None
        step = next((step for step in located[1].steps if step.index == index), None) if located else None
        if located is None or step is None or step.uses is None:
            continue
        place, planned = located
        at = msgspec.structs.replace(place, step=index, line=step.line)
        found[at.path, at.job, index] = Need(
            "uses",
            step.uses[:SUBJECT_CHARACTERS],
            "the action that this step uses cannot be had",
            at,
            _written(_step(step)),
            _original(view, planned),
            _trust(view),
        )
    return tuple(found.values())


def unoffered_label(view: RunView, key: JobKey, hosts: Collection[HostJoined]) -> Need | None:
    """Of a queued job. None where a host has what it asks for, or where there is no host: then there is no telling."""
    job = view.jobs.get(key)
    if job is None or job.state != "queued" or not hosts:
        return None
    nobody = [label for label in job.labels if not any(_offers(host, label) for host in hosts)]
    located = _located(view, job.job_id)
    if not nobody or located is None:
        return None
    place, planned = located
    return Need(
        "runs-on",
        ", ".join(nobody)[:SUBJECT_CHARACTERS],
        "no host offers the label " + ", ".join(nobody)[:SUBJECT_CHARACTERS],
        place,
        _written({"runs-on": planned.runs_on, "steps": [_step(step) for step in planned.steps]}),
        _original(view, planned),
        _trust(view),
        labels_of(hosts),
    )


def refused_keys(rejected: WorkflowRejected, content: str) -> tuple[Need, ...]:
    """Of a rejected file, one for each of the first problems."""
    lines = content.splitlines()
    return tuple(
        _refused(rejected, problem, lines)
        for problem in rejected.problems[:PROBLEMS_A_FILE]
        if 1 <= problem.line <= len(lines)
    )


def _refused(rejected: WorkflowRejected, problem: Problem, lines: list[str]) -> Need:
    first = max(0, problem.line - 1 - LINES_AROUND)
    around = lines[first : problem.line + LINES_AROUND]
    return Need(
        "rejected",
        problem.message[:SUBJECT_CHARACTERS],
        f"in the line {lines[problem.line - 1].strip()[:SUBJECT_CHARACTERS]!r}: {problem.message[:500]}",
        ProposalPlace(rejected.path, rejected.sha, line=problem.line),
        "\n".join(around),
        "\n".join(_COMMENT.sub("", line) for line in lines),
        rejected.trust,
    )


def _located(view: RunView, job_id: str) -> tuple[ProposalPlace, PlannedJob] | None:
    """The file of this repository in which the job stands; None where it is of another one."""
    plan = view.plan
    if plan is None:
        return None
    own = next((job for job in plan.jobs if job.id == job_id), None)
    if own is not None:
        return ProposalPlace(plan.workflow_path, plan.sha, own.id, line=own.line, run_id=view.run_id), own
    return _located_in_called(view, plan, job_id)


def _located_in_called(view: RunView, plan: Plan, job_id: str) -> tuple[ProposalPlace, PlannedJob] | None:
    for caller, caller_id in view.calls.items():
        calling = view.planned_jobs.get(caller_id)
        called = plan.called.get(calling.calls) if calling is not None else None
        if called is None or called.repository.lower() != plan.repository.full_name.lower():
            continue
        for job in called.jobs:
            if called_id(caller, job.id) == job_id:
                return ProposalPlace(called.path, called.sha, job.id, line=job.line, run_id=view.run_id), job
    return None


def _trust(view: RunView) -> Trust:
    return view.plan.trust if view.plan is not None else "fork"


def _original(view: RunView, job: PlannedJob) -> str:
    assert view.plan is not None
    return "\n".join(_texts([msgspec.to_builtins(job), view.plan.env]))


def _texts(value: object) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, item in cast("Mapping[object, object]", value).items():
            yield str(name)
            yield from _texts(item) if name not in _SAID_ONLY else ()
    elif isinstance(value, list | tuple):
        for item in cast("list[object]", value):
            yield from _texts(item)


def _step(step: PlannedStep) -> dict[str, object]:
    """As somebody wrote it, in the order in which it is usually written."""
    written = {
        "name": step.name,
        "id": step.id,
        "if": step.if_,
        "uses": step.uses,
        "with": step.with_,
        "run": step.run,
        "shell": step.shell,
        "working-directory": step.working_directory,
        "env": step.env,
    }
    return {name: value for name, value in written.items() if value not in (None, {}, "")}


def _written(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=1).decode()


def _offers(host: HostJoined, label: str) -> bool:
    return offers(frozenset(each.lower() for each in host.labels), label, host.largest)


def labels_of(hosts: Collection[HostJoined]) -> tuple[str, ...]:
    """Those that a workflow can write: of `ubuntu-*`, which stands for all that begin so, the usual one."""
    labels = {label.lower().replace("*", "latest") for host in hosts for label in host.labels}
    return tuple(sorted(label for label in labels if size_of_label(label) is None))
