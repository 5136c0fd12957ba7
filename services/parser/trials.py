"""What it means to try out a model's proposal: the plan of the run that could not run, with the proposal in place.

The original is never touched. The trial is code that nobody vetted, whoever's the workflow is: it has a fork's trust
(no secret, nothing that may be written, never on a host's own processes), no group, no environment and no caller to
hold up, and only the one job and what that needs. The language of a proposal was checked by who made it: it is data.
"""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from libs.blobs.port import Blobs
from libs.bus.port import Bus
from libs.contracts import subjects
from libs.contracts.commands import TriggerTrial
from libs.contracts.envelope import decode_commit
from libs.contracts.model import ModelEvent, ProposalMade, ProposalPlace
from libs.contracts.plan import Plan, PlannedJob, PlannedStep
from services.parser.former_runs import former_run
from services.parser.meaning import Irrelevant, Meaning, Tried, Unusable

_events: msgspec.json.Decoder[ModelEvent] = msgspec.json.Decoder(ModelEvent)


class NoTrial(Exception):
    """Why this proposal cannot be tried out in that run."""


async def meaning_of_trial(command: TriggerTrial, bus: Bus, blobs: Blobs) -> Meaning:
    repository = command.repository
    _, plan = await former_run(repository, command.run_id, bus, blobs)
    if plan is None:
        return Unusable(f"the run {command.run_id} of the trial is not in the log", repository.full_name)
    made = await _proposal(command, bus)
    if made is None:
        return Unusable(f"there is no proposal {command.proposal[:100]}", repository.full_name)
    place = next((place for place in made.places if place.run_id == command.run_id), None)
    if place is None:
        return Irrelevant(f"the proposal is for no job of run {command.run_id}", repository.full_name)
    try:
        return Tried(trial_plan(plan, made, place))
    except NoTrial as error:
        return Irrelevant(str(error), repository.full_name)


async def _proposal(command: TriggerTrial, bus: Bus) -> ProposalMade | None:
    made: ProposalMade | None = None
    for stored in await bus.load(subjects.model(command.repository.id, command.proposal)):
        for raw in decode_commit(stored.data).events:
            event = _events.decode(raw)
            made = event if isinstance(event, ProposalMade) else made
    return made


def trial_plan(original: Plan, made: ProposalMade, place: ProposalPlace) -> Plan:
    """The plan that tries it out; its run's id is still the original's. Raises NoTrial."""
    if original.trial:
        raise NoTrial("a trial is not tried out again")
    jobs = {job.id: job for job in original.jobs}
    wanted = _with_needs(jobs, place.job)
    calling = next((job.id for job in wanted if job.uses is not None), None)
    if calling is not None:
        raise NoTrial(f"the job {calling} calls a workflow, and those are not tried out")
    tried = [_loose(job) for job in wanted]
    tried[-1] = _proposed(tried[-1], made, place)
    return replace(
        original,
        jobs=tuple(tried),
        trust="fork",
        trial=made.id,
        vars={},
        concurrency=None,
        called={},
        permissions={},
        run_name=f"Trial: {original.run_name}",
    )


def _with_needs(jobs: dict[str, PlannedJob], wanted: str) -> list[PlannedJob]:
    """What it needs comes first, itself last. Raises NoTrial."""
    if wanted not in jobs:
        raise NoTrial(f"the run has no job {wanted[:100]!r}")
    found: dict[str, PlannedJob] = {}
    pending = [wanted]
    while pending:
        job = jobs[pending.pop()]
        if job.id not in found:
            found[job.id] = job
            pending += job.needs
    del found[wanted]
    return [*(job for job in jobs.values() if job.id in found), jobs[wanted]]


def _loose(job: PlannedJob) -> PlannedJob:
    """Without what would hold others up, or be held up by them."""
    return replace(job, concurrency=None, environment=None, permissions={})


def _proposed(job: PlannedJob, made: ProposalMade, place: ProposalPlace) -> PlannedJob:
    """Other steps move: what is planned is known by its place."""
    if made.about == "runs-on":
        if not made.runs_on:
            raise NoTrial("the proposal names no label")
        return replace(job, runs_on=made.runs_on)
    at = next((step for step in job.steps if step.index == place.step and step.uses is not None), None)
    if at is None:
        raise NoTrial(f"job {job.id} has no action at step {place.step}")
    if any(step.wait is not None or step.cancel is not None for step in job.steps):
        raise NoTrial(f"job {job.id} has background steps, whose places are known to others")
    steps: list[PlannedStep] = []
    for step in job.steps:
        steps += _in_place_of(step, made) if step is at else [step]
    return replace(job, steps=tuple(replace(step, index=index) for index, step in enumerate(steps)))


def _in_place_of(step: PlannedStep, made: ProposalMade) -> list[PlannedStep]:
    """Under the same conditions; the last one has the id, by which others know the step."""
    last = len(made.steps) - 1
    bare = replace(step, id=None, uses=None, with_={}, background=False)
    return [
        replace(bare, name=proposed.name, run=proposed.run, id=step.id if number == last else None)
        for number, proposed in enumerate(made.steps)
    ]
