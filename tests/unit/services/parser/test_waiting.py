"""What a default branch waits for: its declarations, and what the scheduler's commands come to."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from libs.contracts import subjects
from libs.contracts.commands import TriggerCommand, TriggerDispatch, TriggerFollowers, TriggerSchedule
from libs.contracts.envelope import commit, decode_commit, encode
from libs.contracts.ids import Cause, CommandId, RepositoryId, RunId, commit_id
from libs.contracts.intake import DeliveryIgnored, IntakeEvent, IntakeFailed, RunsPlanned
from libs.contracts.plan import Plan, Repository
from libs.contracts.run import RunFinished, RunStarted
from libs.contracts.schedules import DeclaredSchedule, FollowedRuns, SchedulesDeclared
from services.parser.declarations import MAX_LINES
from tests.unit.services.parser.world import NOW, REPOSITORY, SHA, World, pull_request, push, workflow

NIGHTLY = "{schedule: [{cron: '30 5 * * *'}, {cron: '0 9 * * 1-5', timezone: Europe/Berlin}]}"
FOLLOWING = "{workflow_run: {workflows: [CI], types: [completed]}}"
REPO = Repository(
    RepositoryId(REPOSITORY["id"]), "Codertocat", "Hello-World", REPOSITORY["clone_url"], default_branch="main"
)
NEWER = "7" * 40


@pytest.fixture
def world() -> World:
    made = World()
    made.repositories.refs["refs/heads/main"] = SHA
    return made


async def declared(world: World) -> list[SchedulesDeclared]:
    stored = await world.bus.load(subjects.ALL_SCHEDULES)
    return [
        msgspec.json.decode(raw, type=SchedulesDeclared) for each in stored for raw in decode_commit(each.data).events
    ]


async def sent(world: World, command: TriggerCommand) -> list[IntakeEvent]:
    subject = subjects.trigger_command(REPO.id)
    await world.bus.enqueue(subject, encode(command), message_id=command.id)
    await world.handled_commands()
    return await world.intake(command.id)


async def test_a_push_to_the_default_branch_declares_what_it_waits_for(world: World) -> None:
    world.repositories.add(SHA, a=workflow(), n=workflow(NIGHTLY), f=workflow(FOLLOWING))
    await world.deliver("push", push())
    await world.handled()
    (event,) = await declared(world)
    assert (event.repository, event.ref, event.sha, event.by) == (REPO, "refs/heads/main", SHA, "octocat")
    assert event.schedules == (
        DeclaredSchedule(".github/workflows/n.yml", "30 5 * * *"),
        DeclaredSchedule(".github/workflows/n.yml", "0 9 * * 1-5", "Europe/Berlin"),
    )
    assert event.follows == (FollowedRuns(".github/workflows/f.yml", ("CI",), ("completed",)),)


async def test_other_branches_tags_and_pull_requests_declare_nothing(world: World) -> None:
    world.repositories.add(SHA, n=workflow(NIGHTLY))
    await world.deliver("push", push(ref="refs/heads/topic"), 1)
    await world.deliver("push", push(ref="refs/tags/main"), 2)
    await world.deliver("pull_request", pull_request(), 3)
    await world.handled(times=3)
    assert await declared(world) == []


async def test_only_a_change_is_said_and_nothing_where_nothing_ever_was(world: World) -> None:
    world.repositories.add(SHA, a=workflow())
    world.repositories.add(NEWER, n=workflow(NIGHTLY))
    for number, sha in enumerate((SHA, NEWER, NEWER, SHA, SHA), 1):
        await world.deliver("push", push(after=sha), number)
        await world.handled(times=1)
    assert [len(event.schedules) for event in await declared(world)] == [2, 0]


async def test_a_push_that_skips_runs_and_one_whose_files_are_gone_declare_all_the_same(world: World) -> None:
    world.repositories.add(SHA, n=workflow(NIGHTLY))
    world.repositories.add(NEWER)
    await world.deliver("push", push(head_commit={"id": SHA, "message": "x [skip ci]"}), 1)
    await world.handled()
    assert isinstance((await world.intake())[-1], DeliveryIgnored)
    await world.deliver("push", push(after=NEWER), 2)
    await world.handled()
    assert [len(event.schedules) for event in await declared(world)] == [2, 0]


async def test_an_older_push_that_is_read_later_declares_nothing(world: World) -> None:
    world.repositories.add(SHA, n=workflow(NIGHTLY))
    world.repositories.add(NEWER, n=workflow(FOLLOWING))
    world.repositories.delays_seconds[SHA] = 0.2
    await world.deliver("push", push(), 1)
    await asyncio.sleep(0.01)
    await world.deliver("push", push(after=NEWER), 2)
    await world.handled(times=2)
    assert [event.sha for event in await declared(world)] == [NEWER]


async def test_a_repository_that_is_deleted_waits_for_nothing(world: World) -> None:
    world.repositories.add(SHA, n=workflow(NIGHTLY))
    await world.deliver("push", push(), 1)
    await world.handled()
    await world.deliver("repository", {"action": "deleted", "repository": REPOSITORY}, 2)
    await world.handled()
    assert [len(event.schedules) for event in await declared(world)] == [2, 0]


async def test_what_is_too_much_to_be_kept_is_left_out(world: World) -> None:
    lines = ", ".join(f"{{cron: '{number % 60} {number // 60} * * *'}}" for number in range(MAX_LINES + 5))
    world.repositories.add(SHA, n=workflow(f"{{schedule: [{lines}]}}"))
    await world.deliver("push", push(), 1)
    await world.handled()
    long = ", ".join("x" * 3000 + str(number) for number in range(100))
    world.repositories.add(
        NEWER, n=workflow(f"{{workflow_run: {{workflows: [{long}]}}, schedule: [{{cron: '0 0 * * *'}}]}}")
    )
    await world.deliver("push", push(after=NEWER), 2)
    await world.handled()
    first, second = await declared(world)
    assert (len(first.schedules), second.schedules, second.follows) == (MAX_LINES, (), ())


def slot(cron: str = "30 5 * * *", **changes: Any) -> TriggerSchedule:
    values: dict[str, Any] = {
        "id": CommandId("schedule-1"),
        "repository": REPO,
        "path": ".github/workflows/n.yml",
        "cron": cron,
        "slot": datetime(2026, 11, 2, 5, 30, tzinfo=UTC),
        "by": "ada",
        "owner_id": 21031067,
    }
    return TriggerSchedule(**(values | changes))


@pytest.mark.row("events: schedule, with timezone")
async def test_a_slot_runs_its_file_at_the_newest_commit_of_the_default_branch(world: World) -> None:
    world.repositories.add(SHA, a=workflow(NIGHTLY), n="name: Nightly\n" + workflow(NIGHTLY))
    (end,) = await sent(world, slot())
    assert isinstance(end, RunsPlanned)
    (plan,) = await world.plans()
    assert (plan.workflow_path, plan.run_name, plan.sha, plan.ref) == (
        ".github/workflows/n.yml",
        "Nightly",
        SHA,
        "refs/heads/main",
    )
    assert (plan.event, plan.trust, plan.actor) == ("schedule", "own", "ada")
    assert plan.github["repository_owner_id"] == "21031067"
    event = plan.github["event"]
    assert isinstance(event, dict)
    assert event["schedule"] == "30 5 * * *"


async def test_the_same_slot_twice_is_one_run(world: World) -> None:
    world.repositories.add(SHA, n=workflow(NIGHTLY))
    await sent(world, slot())
    subject = subjects.trigger_command(REPO.id)
    await world.bus.enqueue(subject, encode(slot()), message_id="another")
    await world.handled_commands()
    assert len(await world.plans()) == 1


@pytest.mark.parametrize(("minutes", "runs"), [(59, True), (61, False)])
async def test_a_slot_that_waited_for_a_parser_too_long_is_let_go(world: World, minutes: int, runs: bool) -> None:
    world.repositories.add(SHA, n=workflow(NIGHTLY))
    (end,) = await sent(world, slot(slot=NOW - timedelta(minutes=minutes)))
    assert isinstance(end, RunsPlanned) is runs
    if isinstance(end, DeliveryIgnored):
        assert "was due at 2026-10-31 22:59 UTC: it is too late" in end.why


@pytest.mark.parametrize("text", [None, workflow(), workflow("{schedule: [{cron: '0 0 1 1 *'}]}")])
async def test_a_line_that_is_gone_by_then_runs_nothing(world: World, text: str | None) -> None:
    world.repositories.add(SHA, **({} if text is None else {"n": text}))
    (end,) = await sent(world, slot())
    assert isinstance(end, DeliveryIgnored) or (isinstance(end, RunsPlanned) and not end.runs)
    assert await world.plans() == []


@pytest.mark.row("events: repository_dispatch")
async def test_a_repository_dispatch_by_command(world: World) -> None:
    world.repositories.add(
        SHA, a=workflow("{repository_dispatch: {types: [deploy]}}"), b=workflow("repository_dispatch")
    )
    command = TriggerDispatch(
        CommandId("dispatch-1"), REPO.id, REPO.full_name, "other", {"passed": False}, "ada", REPO.clone_url
    )
    (end,) = await sent(world, command)
    assert isinstance(end, RunsPlanned)
    assert set(end.runs) == {".github/workflows/b.yml"}
    (plan,) = await world.plans()
    event = plan.github["event"]
    assert isinstance(event, dict)
    assert (event["action"], event["client_payload"]) == ("other", {"passed": False})


@pytest.mark.parametrize("ref", ["", "main", "refs/heads/main"])
async def test_a_workflow_that_is_started_without_a_ref_runs_on_the_default_branch(world: World, ref: str) -> None:
    world.repositories.add(SHA, a=workflow("workflow_dispatch"))
    command = await world.trigger(ref=ref)
    await world.handled_commands()
    (end,) = await world.intake(command)
    assert isinstance(end, RunsPlanned)
    (plan,) = await world.plans()
    assert (plan.sha, plan.ref) == (SHA, "refs/heads/main")


async def first_run(world: World, ci: str, payload: dict[str, Any] | None = None, name: str = "push") -> Plan:
    world.repositories.add(SHA, ci="name: CI\n" + ci, f="name: After\n" + workflow(FOLLOWING))
    await world.deliver("push", push(ref="refs/heads/main"), 1)
    await world.handled()
    if payload is not None:
        await world.deliver(name, payload, 2)
        await world.handled()
    return next(plan for plan in await world.plans() if plan.event == name)


async def finish(world: World, plan: Plan, finished: RunFinished) -> None:
    subject = subjects.run(plan.repository.owner, plan.repository.name, plan.run_id)
    last = await world.bus.last(subject)
    assert last is not None
    end = commit(
        id=commit_id(subject, finished.run_attempt),
        source="scheduler",
        subject=subject,
        cause=Cause("guid"),
        now=NOW,
        events=[RunStarted(finished.run_attempt), finished],
    )
    await world.bus.append(end, expected=last.seq)


def follow(run_id: RunId, action: str = "completed", run_attempt: int = 1) -> TriggerFollowers:
    identity = CommandId(f"follows-{run_id}-{run_attempt}-{action}")
    return TriggerFollowers(identity, REPO, run_id, run_attempt, action, 21031067)


async def planned_after(world: World, plan: Plan) -> Plan:
    (after,) = [each for each in await world.plans() if each.run_id != plan.run_id and each.event == "workflow_run"]
    return after


def run_of(plan: Plan) -> dict[str, Any]:
    event = plan.github["event"]
    assert isinstance(event, dict)
    return event["workflow_run"]


@pytest.mark.row("events: workflow_run")
async def test_what_follows_a_run_runs_on_the_default_branch_and_knows_it(world: World) -> None:
    plan = await first_run(world, workflow())
    await finish(world, plan, RunFinished("failure"))
    world.repositories.refs["refs/heads/main"] = NEWER
    world.repositories.add(NEWER, f="name: After\n" + workflow(FOLLOWING))
    (end,) = await sent(world, follow(plan.run_id))
    assert isinstance(end, RunsPlanned)
    after = await planned_after(world, plan)
    assert (after.sha, after.ref, after.trust, after.workflow_name, after.chain) == (
        NEWER,
        "refs/heads/main",
        "own",
        "After",
        1,
    )
    run = run_of(after)
    assert (run["id"], run["name"], run["conclusion"], run["status"]) == (plan.run_id, "CI", "failure", "completed")
    assert (run["head_sha"], run["head_branch"], run["event"], run["run_attempt"]) == (SHA, "main", "push", 1)
    assert run["head_repository"]["full_name"] == "Codertocat/Hello-World"


async def test_a_run_of_a_fork_is_followed_by_code_of_our_own(world: World) -> None:
    fork = pull_request({"repo": {"id": 99, "full_name": "mallory/Hello-World"}, "ref": "main"})
    plan = await first_run(world, workflow("[push, pull_request]"), fork, "pull_request")
    assert plan.trust == "fork"
    await finish(world, plan, RunFinished("success"))
    await sent(world, follow(plan.run_id))
    after = await planned_after(world, plan)
    run = run_of(after)
    assert after.trust == "own"
    assert run["head_sha"] == SHA
    assert (run["head_repository"]["full_name"], run["pull_requests"]) == ("mallory/Hello-World", [])
    assert run["event"] == "pull_request"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"action": "requested"}, "the activity is `requested`"),
        ({"run_id": RunId(12345)}, "is not in the log"),
    ],
)
async def test_what_is_not_waited_for_starts_nothing(world: World, changes: dict[str, Any], why: str) -> None:
    plan = await first_run(world, workflow())
    await finish(world, plan, RunFinished("success"))
    (end,) = await sent(world, msgspec.structs.replace(follow(plan.run_id), **changes))
    if isinstance(end, RunsPlanned):
        assert not end.runs
        assert any(why in each.why for each in end.unmatched)
    else:
        assert isinstance(end, IntakeFailed)
        assert why in end.why


async def test_a_run_that_nobody_names_is_followed_by_nothing(world: World) -> None:
    world.repositories.add(SHA, o="name: Other\n" + workflow(), f=workflow(FOLLOWING))
    await world.deliver("push", push())
    await world.handled()
    (plan,) = await world.plans()
    await finish(world, plan, RunFinished("success"))
    (end,) = await sent(world, follow(plan.run_id))
    assert isinstance(end, DeliveryIgnored)
    assert "follows `Other`" in end.why


async def test_a_chain_ends_after_three(world: World) -> None:
    """A follows itself: A (push), then three that follow, and no more."""
    text = "name: CI\n" + workflow("{push: , workflow_run: {workflows: [CI]}}")
    world.repositories.add(SHA, ci=text)
    await world.deliver("push", push())
    await world.handled()
    (plan,) = await world.plans()
    for _ in range(3):
        await finish(world, plan, RunFinished("success"))
        await sent(world, follow(plan.run_id))
        plan = (await world.plans())[-1] if plan.chain == 0 else max(await world.plans(), key=lambda each: each.chain)
    assert plan.chain == 3
    await finish(world, plan, RunFinished("success"))
    (end,) = await sent(world, follow(plan.run_id))
    assert isinstance(end, DeliveryIgnored)
    assert "no more than 3" in end.why


async def test_a_pull_request_is_two_events(world: World) -> None:
    both = workflow("[pull_request, pull_request_target]")
    head = "9" * 40
    world.repositories.add(head, a=both)
    world.repositories.add(SHA, a=both, b=workflow("pull_request_target"))
    await world.deliver("pull_request", pull_request({"sha": head, "repo": {"id": 99}}))
    await world.handled()
    (end,) = await world.intake()
    assert isinstance(end, RunsPlanned)
    assert set(end.runs) == {
        ".github/workflows/a.yml",
        ".github/workflows/a.yml (pull_request_target)",
        ".github/workflows/b.yml",
    }
    seen = {(plan.event, plan.workflow_path, plan.sha, plan.trust, plan.ref) for plan in await world.plans()}
    assert seen == {
        ("pull_request", ".github/workflows/a.yml", head, "fork", "refs/pull/7/merge"),
        ("pull_request_target", ".github/workflows/a.yml", SHA, "own", "refs/heads/main"),
        ("pull_request_target", ".github/workflows/b.yml", SHA, "own", "refs/heads/main"),
    }


async def test_a_default_branch_that_cannot_be_read_hinders_no_pull_request(world: World) -> None:
    head = "9" * 40
    world.repositories.add(head, a=workflow("pull_request"))
    del world.repositories.refs["refs/heads/main"]
    await world.deliver("pull_request", pull_request({"sha": head}))
    await world.handled()
    (end,) = await world.intake()
    assert isinstance(end, RunsPlanned)
    assert set(end.runs) == {".github/workflows/a.yml"}
    assert any("`pull_request_target` could not be seen" in each.why for each in end.unmatched)


async def test_paths_of_a_pull_request_target_are_those_of_its_head(world: World) -> None:
    head = "9" * 40
    world.repositories.add(head).changed = ("src/a.js",)
    world.repositories.add(SHA, a=workflow("{pull_request_target: {paths: ['**.js']}}")).changed = ("docs/a.md",)
    await world.deliver("pull_request", pull_request({"sha": head}))
    await world.handled()
    (plan,) = await world.plans()
    assert (plan.event, plan.sha) == ("pull_request_target", SHA)
