"""A trial of a model's proposal: a run of its own that has nothing, holds nobody up and changes nothing."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest
from msgspec.structs import replace

from libs.contracts import ids, subjects
from libs.contracts.commands import TriggerFollowers, TriggerTrial
from libs.contracts.envelope import commit, encode
from libs.contracts.ids import Cause, CommandId, RepositoryId, RunId
from libs.contracts.intake import DeliveryIgnored, IntakeEvent, IntakeFailed, RunsPlanned
from libs.contracts.model import ProposalMade, ProposalPlace, ProposedStep
from libs.contracts.plan import Plan, PlannedJob, Repository
from services.parser.trials import NoTrial, trial_plan
from tests.unit.services.parser.world import REPOSITORY, SHA, World, push

REPO = Repository(RepositoryId(REPOSITORY["id"]), "Codertocat", "Hello-World")
PROPOSAL = "a" * 64
PATH = ".github/workflows/ci.yml"
FILE = """\
on: push
concurrency: main
env: {A: "1"}
jobs:
  lint: {runs-on: ubuntu-latest, steps: [{run: lint}]}
  unrelated: {runs-on: ubuntu-latest, steps: [{run: deploy}]}
  build:
    needs: lint
    runs-on: [weird]
    environment: prod
    concurrency: build
    permissions: write-all
    steps:
      - uses: actions/checkout@v4
      - {id: made, uses: nobody/knows@v1, if: always(), env: {B: "2"}, with: {x: y}, timeout-minutes: 5}
      - run: echo ${{ steps.made.outputs.x }}
  call: {uses: ./.github/workflows/other.yml}
  after: {needs: call, runs-on: ubuntu-latest, steps: [{uses: nobody/knows@v1}]}
  side:
    runs-on: ubuntu-latest
    steps: [{run: sleep 1, background: true, id: s}, {wait: s}, {uses: nobody/knows@v1}]
"""
OTHER = "on: workflow_call\njobs: {x: {runs-on: ubuntu-latest, steps: [{run: a}]}}\n"


def proposal(run_id: RunId, job: str = "build", step: int | None = 1, **fields: object) -> ProposalMade:
    steps = (ProposedStep("Get it", "mkdir x"), ProposedStep("Use it", "touch x/y"))
    place = ProposalPlace(PATH, SHA, job, step, run_id=run_id)
    return ProposalMade(PROPOSAL, "uses", "nobody/knows@v1", (place,), steps, "gemma3:4b", **fields)  # type: ignore[arg-type]


@pytest.fixture
async def world() -> World:
    made = World()
    made.repositories.refs["refs/heads/main"] = SHA
    made.repositories.add(SHA, ci=FILE, other=OTHER)
    await made.deliver("push", push())
    await made.handled()
    return made


async def original(world: World) -> Plan:
    (plan,) = [plan for plan in await world.plans() if not plan.trial]
    return plan


async def tried(world: World, made: ProposalMade, run_id: RunId) -> list[IntakeEvent]:
    subject = subjects.model(REPO.id, made.id)
    now = datetime.now(UTC)
    said = commit(
        id=ids.commit_id(subject, "1"), source="model", subject=subject, cause=Cause("g"), now=now, events=[made]
    )
    await world.bus.append(said, expected=None)
    command = TriggerTrial(CommandId("trial-1"), REPO, run_id, made.id)
    await world.bus.enqueue(subjects.trigger_command(REPO.id), encode(command), message_id=command.id)
    await world.handled_commands()
    return await world.intake(command.id)


async def test_a_trial_is_a_run_of_its_own_with_a_forks_trust_and_nothing_else(world: World) -> None:
    before = await original(world)
    (end,) = await tried(world, proposal(before.run_id), before.run_id)
    assert isinstance(end, RunsPlanned)
    (trial,) = [plan for plan in await world.plans() if plan.trial]
    assert trial.run_id == end.runs[PATH] != before.run_id
    assert (trial.trial, trial.trust, trial.sha, trial.event) == (PROPOSAL, "fork", SHA, "push")
    assert (trial.vars, trial.permissions, trial.concurrency, trial.called, trial.run_number) == ({}, {}, None, {}, 0)
    assert trial.github["run_id"] == str(trial.run_id)
    assert [job.id for job in trial.jobs] == ["lint", "build"]
    build = trial.jobs[1]
    assert (build.environment, build.concurrency, build.permissions) == (None, None, {})
    assert await original(world) == before


async def test_the_proposed_steps_stand_under_the_conditions_of_the_one_that_they_replace(world: World) -> None:
    before = await original(world)
    await tried(world, proposal(before.run_id), before.run_id)
    (trial,) = [plan for plan in await world.plans() if plan.trial]
    steps = trial.jobs[1].steps
    assert [step.index for step in steps] == [0, 1, 2, 3]
    assert [step.run or step.uses for step in steps] == [
        "actions/checkout@v4",
        "mkdir x",
        "touch x/y",
        "echo ${{ steps.made.outputs.x }}",
    ]
    assert [step.id for step in steps] == [None, None, "made", None]
    assert all(step.if_ == "always()" and step.env == {"B": "2"} and step.timeout_minutes == 5 for step in steps[1:3])
    assert all(not step.with_ for step in steps[1:3])


async def test_the_workflows_numbers_are_not_used_up(world: World) -> None:
    before = await original(world)
    await tried(world, proposal(before.run_id), before.run_id)
    await world.deliver("push", push(before="1" * 40), number=2)
    await world.handled()
    assert sorted(plan.run_number for plan in await world.plans()) == [0, 1, 2]


def plan_of(before: Plan, job: str, step: int | None = 1, **fields: object) -> Plan:
    made = proposal(before.run_id, job, step, **fields)
    return trial_plan(before, made, made.places[0])


async def test_another_label_is_the_whole_of_a_proposal_about_labels(world: World) -> None:
    before = await original(world)
    made = replace(proposal(before.run_id, step=None), about="runs-on", runs_on="ubuntu-latest", steps=())
    trial = trial_plan(before, made, made.places[0])
    assert trial.jobs[-1].runs_on == "ubuntu-latest"
    assert trial.jobs[-1].steps == next(job for job in before.jobs if job.id == "build").steps
    with pytest.raises(NoTrial, match="names no label"):
        trial_plan(before, replace(made, runs_on=""), made.places[0])


@pytest.mark.parametrize(
    ("job", "step", "why"),
    [
        ("nobody", 1, "the run has no job 'nobody'"),
        ("build", 9, "job build has no action at step 9"),
        ("build", 2, "job build has no action at step 2"),
        ("after", 0, "the job call calls a workflow"),
        ("side", 2, "background steps"),
    ],
)
async def test_what_cannot_be_tried_out_says_why(world: World, job: str, step: int, why: str) -> None:
    before = await original(world)
    with pytest.raises(NoTrial, match=why):
        plan_of(before, job, step)


async def test_a_trial_is_not_tried_out_again_and_nothing_follows_it(world: World) -> None:
    before = await original(world)
    await tried(world, proposal(before.run_id), before.run_id)
    (trial,) = [plan for plan in await world.plans() if plan.trial]
    with pytest.raises(NoTrial, match="not tried out again"):
        plan_of(trial, "build")
    following = TriggerFollowers(CommandId("follow-1"), REPO, trial.run_id, 1, "completed")
    await world.bus.enqueue(subjects.trigger_command(REPO.id), encode(following), message_id=following.id)
    await world.handled_commands()
    (end,) = await world.intake(following.id)
    assert isinstance(end, DeliveryIgnored)
    assert "nothing follows one" in end.why


async def test_a_command_about_what_is_not_there_ends(world: World) -> None:
    before = await original(world)
    (end,) = await tried(world, proposal(RunId(5)), before.run_id)
    assert isinstance(end, DeliveryIgnored)
    assert "for no job of run" in end.why
    for number, command in enumerate(
        (
            TriggerTrial(CommandId("t-2"), REPO, RunId(99), PROPOSAL),
            TriggerTrial(CommandId("t-3"), REPO, before.run_id, "b" * 64),
        )
    ):
        await world.bus.enqueue(subjects.trigger_command(REPO.id), encode(command), message_id=f"m{number}")
        await world.handled_commands()
        (end,) = await world.intake(command.id)
        assert isinstance(end, IntakeFailed)


def test_every_field_of_a_job_is_decided_about() -> None:
    """A new key of a job must be thought about here: does a trial keep it?"""
    kept = {"id", "line", "runs_on", "steps", "name", "needs", "if_", "strategy", "env", "defaults", "outputs"}
    kept |= {"timeout_minutes", "continue_on_error", "cancel_timeout_minutes", "container", "services"}
    dropped = {"concurrency", "environment", "permissions"}
    refused = {"uses", "calls", "with_", "secrets"}
    assert kept | dropped | refused == {field.name for field in msgspec.structs.fields(PlannedJob)}
