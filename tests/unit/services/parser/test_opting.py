"""What a default branch opts into: declared at a push that changed it, and taken back where the file is gone."""

from __future__ import annotations

import msgspec

from libs.contracts import subjects
from libs.contracts.envelope import decode_commit
from libs.contracts.opt_ins import OptIns, OptInsDeclared
from tests.unit.services.parser.world import REPOSITORY, SHA, World, pull_request, push, workflow

NEWER = "7" * 40
FILE = ".github/firebreak.yml"


async def declared(world: World) -> list[OptInsDeclared]:
    stored = await world.bus.load(subjects.ALL_OPT_INS)
    return [msgspec.json.decode(raw, type=OptInsDeclared) for each in stored for raw in decode_commit(each.data).events]


async def pushed(world: World, *texts: str | None) -> list[OptIns]:
    """One push after the other to the default branch, with these files; None is a commit without one."""
    for number, text in enumerate(texts, 1):
        sha = f"{number:040x}"
        commit = world.repositories.add(sha, a=workflow())
        if text is not None:
            commit.files[FILE] = text
        await world.deliver("push", push(after=sha), number)
        await world.handled()
    return [event.opt_ins for event in await declared(world)]


async def test_a_push_to_the_default_branch_declares_what_it_opts_into() -> None:
    world = World()
    assert await pushed(world, "timeouts: apply\nretry-flaky: 1\n") == [OptIns("apply", 1)]
    (event,) = await declared(world)
    assert (event.repository.id, event.ref, event.problems) == (REPOSITORY["id"], "refs/heads/main", ())


async def test_only_a_change_is_said_and_a_file_that_is_gone_takes_it_back() -> None:
    told = await pushed(World(), None, "timeouts: shadow", "timeouts: apply", "timeouts: apply # why", None, None)
    assert told == [OptIns("apply"), OptIns()]


async def test_a_file_with_a_problem_opts_into_nothing_and_says_where() -> None:
    world = World()
    assert await pushed(world, "timeouts: apply", "timeouts: apply\nretry: 1") == [OptIns("apply"), OptIns()]
    problem = (await declared(world))[-1].problems[0]
    assert (problem.file, problem.line, problem.column) == (FILE, 2, 1)


async def test_a_file_whose_mistakes_fill_a_message_takes_the_opt_in_back_too() -> None:
    world = World()
    long = "".join(f'? "{number}{"k" * 18000}"\n: 1\n' for number in range(58))
    assert await pushed(world, "timeouts: apply", long) == [OptIns("apply"), OptIns()]
    assert all(len(problem.message) < 600 for problem in (await declared(world))[-1].problems)


async def test_no_other_branch_and_no_pull_request_opts_into_anything() -> None:
    world = World()
    world.repositories.add(SHA, a=workflow()).files[FILE] = "timeouts: apply"
    await world.deliver("push", push(ref="refs/heads/topic"), 1)
    await world.deliver("pull_request", pull_request(), 2)
    await world.handled(times=2)
    assert await declared(world) == []


async def test_a_repository_that_is_deleted_opts_into_nothing() -> None:
    world = World()
    await pushed(world, "timeouts: apply")
    await world.deliver("repository", {"action": "deleted", "repository": REPOSITORY}, 2)
    await world.handled()
    assert [event.opt_ins for event in await declared(world)] == [OptIns("apply"), OptIns()]


async def test_an_older_push_that_is_read_later_declares_nothing() -> None:
    world = World()
    world.repositories.add(SHA, a=workflow()).files[FILE] = "timeouts: apply"
    world.repositories.add(NEWER, a=workflow()).files[FILE] = "retry-flaky: 1"
    await world.deliver("push", push(), 1)
    await world.deliver("push", push(after=NEWER), 2)
    world.repositories.delays_seconds[SHA] = 0.2
    await world.handled(times=2)
    assert [event.opt_ins for event in await declared(world)] == [OptIns(retry_flaky=1)]
