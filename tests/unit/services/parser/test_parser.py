"""From a stored delivery to its terminal event, over an in-memory bus."""

from __future__ import annotations

import asyncio
import json
import zlib

import pytest
from msgspec.structs import replace

from libs.blobs.memory import MemoryBlobs
from libs.blobs.port import BlobsDown
from libs.bus.port import Poison
from libs.contracts.blobs import BlobRef
from libs.contracts.delivery import DeliveryReceived
from libs.contracts.envelope import decode_commit
from libs.contracts.ids import CommandId, CommitId
from libs.contracts.intake import DeliveryIgnored, IntakeFailed, RunsPlanned, WorkflowRejected
from libs.repositories import Base
from services.parser.journal import MAX_SOURCE_BYTES
from tests.unit.services.parser.world import (
    BEFORE,
    REPOSITORY,
    SHA,
    ZERO,
    DawdlingBus,
    FragileBus,
    World,
    guid,
    pull_request,
    push,
    workflow,
)

BROKEN = "on: push\njobs:\n  build:\n    runs-on: x\n    stepz: []\n"


class FullBlobs(MemoryBlobs):
    async def put(self, data: bytes) -> BlobRef:
        raise BlobsDown("no space left")


@pytest.fixture
def world() -> World:
    return World()


async def test_a_push_plans_one_run_a_workflow_that_wants_it(world: World) -> None:
    world.repositories.add(SHA, a=workflow(), b=workflow("pull_request"), c="name: Nightly\n" + workflow())
    await world.deliver("push", push())
    await world.handled()
    (end,) = await world.intake()
    assert isinstance(end, RunsPlanned)
    assert (end.repository, end.sha, end.event) == ("Codertocat/Hello-World", SHA, "push")
    assert set(end.runs) == {".github/workflows/a.yml", ".github/workflows/c.yml"}
    assert [unmatched.path for unmatched in end.unmatched] == [".github/workflows/b.yml"]
    first, second = await world.plans()
    assert first.run_id == end.runs[first.workflow_path]
    assert (first.run_number, first.trust, first.actor, first.run_name) == (1, "own", "octocat", "A change")
    assert second.workflow_name == "Nightly"


async def test_the_github_context_is_what_the_event_fixes(world: World) -> None:
    world.repositories.add(SHA, a=workflow())
    await world.deliver("push", push())
    await world.handled()
    (plan,) = await world.plans()
    assert plan.github.pop("event") == push()
    assert plan.github == {
        "actor": "octocat",
        "actor_id": "583231",
        "api_url": "https://api.github.com",
        "base_ref": "",
        "event_name": "push",
        "graphql_url": "https://api.github.com/graphql",
        "head_ref": "",
        "ref": "refs/heads/main",
        "ref_name": "main",
        "ref_protected": False,
        "ref_type": "branch",
        "repository": "Codertocat/Hello-World",
        "repository_id": "186853002",
        "repository_owner": "Codertocat",
        "repository_owner_id": "21031067",
        "repositoryUrl": "git://github.com/Codertocat/Hello-World.git",
        "retention_days": "90",
        "run_attempt": "1",
        "run_id": str(plan.run_id),
        "run_number": "1",
        "secret_source": "Actions",
        "server_url": "https://github.com",
        "sha": SHA,
        "triggering_actor": "octocat",
        "workflow": ".github/workflows/a.yml",
        "workflow_ref": "Codertocat/Hello-World/.github/workflows/a.yml@refs/heads/main",
        "workflow_sha": SHA,
    }


async def test_a_file_with_an_error_is_rejected_and_the_others_run(world: World) -> None:
    world.repositories.add(SHA, a=BROKEN, b=workflow(), c="on: [\n")
    await world.deliver("push", push())
    await world.handled()
    first, second, end = await world.intake()
    assert isinstance(first, WorkflowRejected)
    assert isinstance(second, WorkflowRejected)
    assert isinstance(end, RunsPlanned)
    assert (first.path, first.sha) == (".github/workflows/a.yml", SHA)
    assert [
        (problem.file, problem.line, problem.column) for problem in first.problems if "stepz" in problem.message
    ] == [(".github/workflows/a.yml", 5, 5)]
    assert set(end.runs) == {".github/workflows/b.yml"}
    assert end.rejected == (".github/workflows/a.yml", ".github/workflows/c.yml")


async def test_more_mistakes_than_a_message_holds_reject_their_files_and_the_others_run(world: World) -> None:
    """Each file's first ones are told."""
    long = "on: push\n" + "".join(f"? {number}{'k' * 300}\n: 1\n" for number in range(500))
    commit = world.repositories.add(SHA, good=workflow())
    commit.files |= {f".github/workflows/bad{number}.yml": long for number in range(40)}
    await world.deliver("push", push())
    await world.handled()
    *rejected, end = await world.intake()
    assert isinstance(end, RunsPlanned)
    assert set(end.runs) == {".github/workflows/good.yml"}
    assert len(rejected) == 40
    assert all(isinstance(each, WorkflowRejected) and len(each.problems) >= 20 for each in rejected)


async def test_a_rejected_file_is_kept_for_whoever_mends_it(world: World) -> None:
    world.repositories.add(SHA, a=BROKEN, b="on: [\n" + "#" * MAX_SOURCE_BYTES, c="run-name: ${{ 1 + }}\n" + workflow())
    await world.deliver("push", push())
    await world.handled()
    *rejected, _ = await world.intake()
    contents = {each.path: each.content for each in rejected if isinstance(each, WorkflowRejected)}
    assert set(contents) == {f".github/workflows/{name}.yml" for name in "abc"}
    kept = contents[".github/workflows/a.yml"]
    assert kept is not None
    assert await world.blobs.get(kept) == BROKEN.encode()
    assert contents[".github/workflows/b.yml"] is None
    assert contents[".github/workflows/c.yml"] is not None


async def test_a_rejection_does_not_wait_for_a_store_that_is_full(world: World) -> None:
    world.blobs = FullBlobs()
    world.repositories.add(SHA, a=BROKEN)
    await world.deliver("push", push())
    await world.handled()
    rejected, end = await world.intake()
    assert isinstance(rejected, WorkflowRejected)
    assert isinstance(end, RunsPlanned)
    assert (rejected.content, bool(rejected.problems)) == (None, True)


async def test_a_plan_names_the_lockfiles_of_the_commit_that_runs(world: World) -> None:
    for sha, lockfile in ((SHA, "uv.lock"), (BEFORE, "yarn.lock")):
        commit = world.repositories.add(sha, a=workflow("[push, workflow_dispatch]"))
        commit.files |= {lockfile: "", "Cargo.lock": "", "README.md": "", "web/package-lock.json": ""}
    world.repositories.refs["refs/heads/main"] = BEFORE
    await world.deliver("push", push())
    await world.handled()
    await world.trigger()
    await world.handled_commands()
    plans = await world.plans()
    assert [(plan.sha, plan.lockfiles) for plan in plans] == [
        (SHA, ("Cargo.lock", "uv.lock")),
        (BEFORE, ("Cargo.lock", "yarn.lock")),
    ]


async def test_a_run_name_that_cannot_be_evaluated_rejects_its_file(world: World) -> None:
    world.repositories.add(SHA, a="run-name: ${{ fromJSON(github.event.x) }}\n" + workflow(), b=workflow())
    await world.deliver("push", push(x="{"))
    await world.handled()
    rejected, end = await world.intake()
    assert isinstance(rejected, WorkflowRejected)
    assert isinstance(end, RunsPlanned)
    assert (rejected.path, end.rejected) == (".github/workflows/a.yml", (".github/workflows/a.yml",))
    assert [numbered.path for numbered in await world.numbers()] == [".github/workflows/b.yml"]


@pytest.mark.parametrize(
    ("name", "payload", "why"),
    [
        ("ping", {"zen": "x", "repository": REPOSITORY}, "ping"),
        ("ping", {"zen": "x", "organization": {}}, "ping"),
        ("push", push(deleted=True, after=ZERO), "deleted"),
        ("push", push(head_commit={"id": SHA, "message": "x [skip ci]"}), "[skip ci]"),
        ("push", push(head_commit={"id": SHA, "message": "x\n\nskip-checks: true"}), "skip-checks: true"),
        ("workflow_run", {"action": "completed", "repository": REPOSITORY}, "one of GitHub's Actions"),
        ("schedule", {"schedule": "0 * * * *", "repository": REPOSITORY}, "own clock"),
        ("installation", {"action": "created"}, "no repository"),
        ("star", {"action": "created", "repository": REPOSITORY}, "starts no workflows"),
        ("push", push(after="a" * 40, ref="refs/heads/empty"), "no workflow in .github/workflows"),
        ("pull_request", pull_request({"sha": "b" * 40}), "[no ci]"),
    ],
)
async def test_what_means_nothing_is_ignored_and_says_why(
    world: World, name: str, payload: dict[str, object], why: str
) -> None:
    world.repositories.add(SHA, a=workflow())
    world.repositories.add("a" * 40)
    world.repositories.add("b" * 40, a=workflow("pull_request")).text = "x [no ci]"
    await world.deliver(name, payload)
    await world.handled()
    (end,) = await world.intake()
    assert isinstance(end, DeliveryIgnored)
    assert why in end.why
    assert await world.plans() == []


@pytest.mark.parametrize(
    ("name", "payload", "why"),
    [
        ("push", push(after="1" * 40), "has no commit " + "1" * 40),
        ("push", push(ref=1), "$.ref"),
        ("push", push(after=None, head_commit=None), "names no commit"),
        ("push", push(repository=REPOSITORY | {"id": None}), "repository.id"),
        ("pull_request", pull_request({"sha": None}), "pull_request.head.sha"),
        ("pull_request", {"action": "opened", "repository": REPOSITORY}, "pull_request"),
    ],
)
async def test_what_cannot_be_planned_fails_and_says_why(
    world: World, name: str, payload: dict[str, object], why: str
) -> None:
    world.repositories.add(SHA, a=workflow())
    await world.deliver(name, payload)
    await world.handled()
    (end,) = await world.intake()
    assert isinstance(end, IntakeFailed)
    assert why in end.why


@pytest.mark.parametrize(
    "delivery",
    [
        DeliveryReceived(guid(), "push", 5, b"no zlib"),
        DeliveryReceived(guid(), "push", 5, zlib.compress(b"x" * 1000)[:-5]),
        DeliveryReceived(guid(), "push", 5, zlib.compress(b"{")),
        DeliveryReceived(guid(), "push", 5, zlib.compress(b"x" * (26 * 1024 * 1024))),
        DeliveryReceived(guid(), "push", 5),
    ],
)
async def test_a_damaged_body_fails(world: World, delivery: DeliveryReceived) -> None:
    await world.store(delivery)
    await world.handled()
    (end,) = await world.intake()
    assert isinstance(end, IntakeFailed)


async def test_a_large_body_comes_from_its_blob(world: World) -> None:
    world.repositories.add(SHA, a=workflow())
    body = zlib.compress(json.dumps(push(noise="x" * 300_000)).encode())
    await world.store(DeliveryReceived(guid(), "push", 300_000, None, await world.blobs.put(body)))
    await world.handled()
    (end,) = await world.intake()
    assert isinstance(end, RunsPlanned)
    (plan,) = await world.plans()
    assert plan.sha == SHA, "and so large a plan comes from a blob, too"


async def test_a_pull_request_runs_its_head_commit(world: World) -> None:
    world.repositories.add(SHA, a=workflow("pull_request"))
    await world.deliver("pull_request", pull_request())
    await world.handled()
    (plan,) = await world.plans()
    assert (plan.sha, plan.ref, plan.pull_request, plan.trust) == (SHA, "refs/pull/7/merge", 7, "own")
    assert (plan.github["base_ref"], plan.github["head_ref"], plan.github["ref_name"]) == ("main", "topic", "7/merge")
    assert plan.run_name == "Make it better"


@pytest.mark.parametrize("repo", [None, {"id": 5}, {}])
async def test_what_may_be_a_fork_is_not_trusted(world: World, repo: object) -> None:
    world.repositories.add(SHA, a=workflow("pull_request"))
    await world.deliver("pull_request", pull_request({"repo": repo}))
    await world.handled()
    (plan,) = await world.plans()
    assert plan.trust == "fork"
    assert plan.github["secret_source"] == "None"


@pytest.mark.parametrize(("name", "payload"), [("push", push()), ("pull_request", pull_request())])
async def test_dependabot_is_not_trusted(world: World, name: str, payload: dict[str, object]) -> None:
    world.repositories.add(SHA, a=workflow("[push, pull_request]"))
    await world.deliver(name, payload | {"sender": {"login": "dependabot[bot]", "id": 1}})
    await world.handled()
    (plan,) = await world.plans()
    assert plan.trust == "fork"


async def test_changed_paths_are_asked_for_only_where_a_filter_needs_them(world: World) -> None:
    commit = world.repositories.add(SHA, a=workflow())
    await world.deliver("push", push())
    await world.handled()
    assert commit.asked == []


@pytest.mark.parametrize(
    ("name", "payload", "base"),
    [
        ("push", push(), Base(BEFORE)),
        ("push", push(before=ZERO, commits=[{"id": "2" * 40}, {"id": SHA}]), Base("2" * 40, "parent")),
        ("pull_request", pull_request(), Base(BEFORE, "merge-base")),
    ],
)
async def test_a_diff_begins_where_github_begins_it(
    world: World, name: str, payload: dict[str, object], base: Base
) -> None:
    filtered = "\n  push: {paths: [src/**]}\n  pull_request: {paths: [src/**]}"
    commit = world.repositories.add(SHA, a=workflow(filtered), b=workflow(filtered))
    world.repositories.refs["refs/heads/main"] = SHA
    commit.changed = ("docs/a.md",)
    await world.deliver(name, payload)
    await world.handled()
    (end,) = await world.intake()
    assert isinstance(end, RunsPlanned)
    assert commit.asked == [base]
    assert end.runs == {}
    assert len(end.unmatched) == 2


async def test_a_new_branch_without_commits_has_no_diff_and_matches(world: World) -> None:
    commit = world.repositories.add(SHA, a=workflow("{push: {paths: [src/**]}}"))
    await world.deliver("push", push(before=ZERO, commits=[]))
    await world.handled()
    (end,) = await world.intake()
    assert isinstance(end, RunsPlanned)
    assert (len(end.runs), commit.asked) == (1, [])


async def test_the_commit_of_an_annotated_tag_is_its_head_commit(world: World) -> None:
    world.repositories.add(SHA, a=workflow("{push: {tags: ['v*']}}"))
    await world.deliver("push", push(ref="refs/tags/v1", after="9" * 40))
    await world.handled()
    (plan,) = await world.plans()
    assert (plan.sha, plan.github["ref_type"], plan.github["ref_name"]) == (SHA, "tag", "v1")


async def test_runs_are_numbered_one_after_another_for_each_workflow(world: World) -> None:
    world.repositories.add(SHA, a=workflow(), b=workflow("{push: {branches: [other]}}"))
    for number, branch in enumerate(["main", "other", "main"], start=1):
        await world.deliver("push", push(ref=f"refs/heads/{branch}"), number)
    await world.handled(times=3)
    plans = sorted((plan.workflow_path[-5:], plan.run_number) for plan in await world.plans())
    assert plans == [("a.yml", 1), ("a.yml", 2), ("a.yml", 3), ("b.yml", 1)]


async def test_a_second_parser_adds_nothing(world: World) -> None:
    world.repositories.add(SHA, a=workflow(), b=BROKEN)
    await world.deliver("push", push())
    await world.handled()
    before = [stored.data for stored in await world.bus.load("ev.>")]
    await world.hand_out()
    assert [stored.data for stored in await world.bus.load("ev.>")] == before


@pytest.mark.parametrize("seed", range(8))
async def test_two_parsers_at_once_say_it_once(seed: int) -> None:
    alone, together = World(), World(bus=DawdlingBus(seed))
    for world in (alone, together):
        world.repositories.add(SHA, a=workflow(), b=BROKEN, c=workflow())
        await world.deliver("push", push())
    await alone.hand_out()
    await asyncio.gather(together.hand_out(), together.hand_out(), together.hand_out())
    assert sorted(stored.data for stored in await together.bus.load("ev.>")) == sorted(
        stored.data for stored in await alone.bus.load("ev.>")
    )
    assert isinstance((await together.intake())[-1], RunsPlanned)


async def test_a_run_that_went_on_meanwhile_is_not_planned_again() -> None:
    """The parser dies between the run and the intake's end, the scheduler takes the run, the delivery comes again."""
    world = World(bus=FragileBus())
    world.repositories.add(SHA, a=workflow())
    await world.deliver("push", push())
    assert isinstance(world.bus, FragileBus)
    world.bus.appends, world.bus.breaks_at = 0, 3
    with pytest.raises(RuntimeError):
        await world.hand_out()
    (planned,) = await world.bus.load("ev.run.>")
    await world.bus.append(replace(decode_commit(planned.data), id=CommitId("scheduler")), expected=planned.seq)
    await world.hand_out(attempt=2)
    assert len(await world.bus.load("ev.run.>")) == 2, "the parser's and the scheduler's"
    (end,) = await world.intake()
    assert isinstance(end, RunsPlanned)
    assert len(await world.numbers()) == 1


@pytest.mark.parametrize("seed", range(4))
async def test_parsers_with_different_deliveries_share_the_numbers(seed: int) -> None:
    world = World(bus=DawdlingBus(seed))
    world.repositories.add(SHA, a=workflow())
    for number in range(1, 6):
        await world.deliver("push", push(), number)
    await asyncio.gather(*(world.hand_out(f"raw.delivery.{guid(number)}") for number in range(1, 6)))
    assert [numbered.number for numbered in await world.numbers()] == [1, 2, 3, 4, 5]
    assert sorted(plan.run_number for plan in await world.plans()) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("breaks_at", range(1, 7))
async def test_a_crash_anywhere_between_changes_nothing(breaks_at: int, after: bool) -> None:
    unbroken, broken = World(), World(bus=FragileBus())
    for world in (unbroken, broken):
        world.repositories.add(SHA, a=workflow(), b=BROKEN, c=workflow())
        await world.deliver("push", push())
        if isinstance(world.bus, FragileBus):
            world.bus.appends, world.bus.breaks_at, world.bus.after = 0, breaks_at, after
            with pytest.raises(RuntimeError):
                await world.hand_out()
        await world.hand_out(attempt=2)
    assert [stored.data for stored in await broken.bus.load("ev.>")] == [
        stored.data for stored in await unbroken.bus.load("ev.>")
    ]


async def test_an_error_of_our_own_ends_the_intake_too(world: World) -> None:
    class Odd(dict[str, float]):
        def get(self, key: str, default: object = None) -> float:  # type: ignore[override]
            raise ZeroDivisionError("odd")

    world.repositories.delays_seconds = Odd()
    await world.deliver("push", push())
    with pytest.raises(ZeroDivisionError):
        await world.hand_out(attempt=1)
    assert await world.intake() == []
    await world.hand_out(attempt=3)
    (end,) = await world.intake()
    assert isinstance(end, IntakeFailed)
    assert "ZeroDivisionError" in end.why


async def test_a_slow_repository_holds_up_no_other(world: World) -> None:
    world.repositories.add(SHA, a=workflow())
    world.repositories.delays_seconds["1" * 40] = 3600.0
    await world.deliver("push", push(after="1" * 40), 1)
    await world.deliver("push", push(), 2)
    await world.handled()
    (end,) = await world.intake(guid(2))
    assert isinstance(end, RunsPlanned)


DISPATCH = """{workflow_dispatch: {inputs: {level: {type: choice, options: [low, high], default: low},
  dry: {type: boolean, default: true}, who: {required: true}}}}"""


async def test_a_command_starts_one_workflow(world: World) -> None:
    world.repositories.add(SHA, a=workflow(DISPATCH), b=workflow("workflow_dispatch"))
    world.repositories.refs["refs/heads/main"] = SHA
    cause = await world.trigger(inputs={"who": "ada", "dry": False})
    await world.handled_commands()
    (end,) = await world.intake(cause)
    assert isinstance(end, RunsPlanned)
    assert set(end.runs) == {".github/workflows/a.yml"}
    (plan,) = await world.plans()
    assert plan.inputs == {"level": "low", "dry": False, "who": "ada"}
    assert (plan.event, plan.ref, plan.sha, plan.trust, plan.actor) == (
        "workflow_dispatch", "refs/heads/main", SHA, "own", "octocat",
    )  # fmt: skip
    event = plan.github["event"]
    assert isinstance(event, dict)
    assert event["inputs"] == {"level": "low", "dry": "false", "who": "ada"}
    assert event["workflow"] == ".github/workflows/a.yml"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"inputs": {}}, "`who` is required"),
        ({"inputs": {"who": "ada", "level": "medium"}}, "must be one of low, high"),
        ({"inputs": {"who": "ada", "x": 1}}, "declares no input `x`"),
        ({"inputs": {"who": ["ada"]}}, "who"),
        ({"ref": "nothing"}, "no branch and no tag"),
        ({"ref": SHA}, "is a commit"),
        ({"workflow": "z.yml"}, ".github/workflows/a.yml"),
        ({"workflow": "../../a.yml"}, "no workflow"),
        ({"workflow": "b.yml"}, "has no `on: workflow_dispatch`"),
        ({"workflow": "c.yml"}, "has errors"),
        ({"repository": "../.."}, "no repository"),
    ],
)
async def test_a_command_that_cannot_be_followed_fails_and_says_why(
    world: World, changes: dict[str, object], why: str
) -> None:
    world.repositories.add(SHA, a=workflow(DISPATCH), b=workflow(), c=BROKEN)
    world.repositories.refs["refs/heads/main"] = SHA
    cause = await world.trigger(**changes)
    await world.handled_commands()
    end = (await world.intake(cause))[-1]
    assert isinstance(end, IntakeFailed)
    assert why in end.why


async def test_a_pull_requests_ref_starts_nothing_by_hand(world: World) -> None:
    """It may hold a stranger's code, which would run with the repository's secrets."""
    world.repositories.add(SHA, a=workflow("workflow_dispatch"))
    world.repositories.refs["refs/pull/7/head"] = SHA
    command = await world.trigger(ref="refs/pull/7/head")
    await world.handled_commands()
    (end,) = await world.intake(command)
    assert isinstance(end, IntakeFailed)
    assert "'refs/pull/7/head' is no branch and no tag" in end.why
    assert not await world.plans()


async def test_a_dispatch_that_github_tells_of_starts_its_workflow(world: World) -> None:
    world.repositories.add(SHA, a=workflow(DISPATCH), b=workflow("workflow_dispatch"))
    world.repositories.refs["refs/heads/main"] = SHA
    payload = {
        "inputs": {"who": "ada"},
        "ref": "refs/heads/main",
        "repository": REPOSITORY,
        "sender": {"login": "octocat", "id": 583231},
        "workflow": ".github/workflows/a.yml",
    }
    await world.deliver("workflow_dispatch", payload)
    await world.handled()
    (plan,) = await world.plans()
    assert plan.workflow_path == ".github/workflows/a.yml"
    assert plan.inputs["who"] == "ada"


async def test_a_command_with_a_name_that_is_no_subject_is_poison(world: World) -> None:
    await world.trigger(id=CommandId("a.>"))
    with pytest.raises(Poison):
        await world.hand_out("cmd.trigger.*")
    assert await world.bus.load("ev.>") == []
