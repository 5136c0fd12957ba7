"""From a signed push to a plan, out of a real git repository by the parser's own mirrors; and where none is read."""

from __future__ import annotations

import asyncio
from pathlib import Path
from time import monotonic

import pytest

from libs.bus.memory import MemoryBus
from libs.contracts.intake import IntakeEvent, IntakeFailed, RunsPlanned
from services.parser.intake import INTAKE_SECONDS
from tests.e2e.intake.system import System, running, settings_for
from tests.repositories import WorkTree
from tests.unit.services.parser.world import REPOSITORY, push, workflow

PRIVATE = {"FIREBREAK_ALLOW_PRIVATE_CLONES": "true"}
LIBRARY = ".github/workflows/lib.yml"
BROKEN = "on: push\njobs: {a: {runs-on: x}}\n"


@pytest.fixture
def origin(tmp_path: Path) -> WorkTree:
    tree = WorkTree(tmp_path / "elsewhere")
    tree.commit({".github/workflows/a.yml": workflow(), ".github/workflows/b.yml": BROKEN})
    return tree


async def pushed(system: System, sha: str, clone_url: str) -> list[IntakeEvent]:
    payload = push(after=sha, before="0" * 40, repository=REPOSITORY | {"clone_url": clone_url})
    guid, answer = await system.send("push", payload)
    assert answer.status_code == 202
    return (await system.ended({guid}))[guid]


async def test_a_push_is_planned_at_its_own_commit(origin: WorkTree, tmp_path: Path) -> None:
    first = origin.head()
    origin.commit({".github/workflows/a.yml": "on: workflow_dispatch\n", ".github/workflows/b.yml": workflow()})
    async with running(MemoryBus(), settings_for(tmp_path, **PRIVATE)) as system:
        *_, end = await pushed(system, first, origin.path.as_uri())
        assert isinstance(end, RunsPlanned)
        assert (end.sha, set(end.runs), end.rejected) == (
            first,
            {".github/workflows/a.yml"},
            (".github/workflows/b.yml",),
        )


async def test_a_clone_at_repository_path_needs_no_url(origin: WorkTree, tmp_path: Path) -> None:
    local = tmp_path / "repositories" / "Codertocat" / "Hello-World.git"
    local.parent.mkdir(parents=True)
    origin.git("clone", "--quiet", "--bare", ".", str(local))
    async with running(MemoryBus(), settings_for(tmp_path, REPOSITORY_PATH=str(tmp_path / "repositories"))) as system:
        *_, end = await pushed(system, origin.head(), "https://nowhere.invalid/a/b.git")
        assert isinstance(end, RunsPlanned)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("{folder}", "by https or ssh"),
        ("file://{folder}", "by https or ssh"),
        ("ext::sh -c 'touch {pwned}'", "no URL that git may be given"),
        ("https://127.0.0.1/a/b.git", "not among the hosts"),
        ("https://169.254.169.254/latest/meta-data", "not among the hosts"),
        ("https://localhost/a/b.git", "no public address"),
        ("https://user:hunter2@github.com/a/b.git", "credentials"),
        ("--upload-pack=touch {pwned}", "no URL that git may be given"),
    ],
)
async def test_where_nothing_may_be_fetched_from_the_intake_fails_and_says_why(
    origin: WorkTree, tmp_path: Path, url: str, why: str
) -> None:
    pwned = tmp_path / "pwned"
    settings = settings_for(tmp_path, FIREBREAK_CLONE_HOSTS="github.com,localhost")
    async with running(MemoryBus(), settings) as system:
        (end,) = await pushed(system, origin.head(), url.format(folder=origin.path, pwned=pwned))
        assert isinstance(end, IntakeFailed)
        assert why in end.why
        assert "hunter2" not in end.why
    assert not pwned.exists()


async def test_a_host_that_never_answers_fails_in_time_and_holds_up_nobody(origin: WorkTree, tmp_path: Path) -> None:
    """It takes as long as an intake may: the bound itself is what is tested."""
    mute = await asyncio.start_server(_never, "127.0.0.1", 0)
    port = mute.sockets[0].getsockname()[1]
    try:
        async with running(MemoryBus(), settings_for(tmp_path, **PRIVATE)) as system:
            started = monotonic()
            stuck = asyncio.create_task(pushed(system, "2" * 40, f"http://127.0.0.1:{port}/a/b.git"))
            await asyncio.sleep(0)
            assert isinstance((await pushed(system, origin.head(), origin.path.as_uri()))[-1], RunsPlanned)
            assert not stuck.done()
            (end,) = await stuck
            assert monotonic() - started < INTAKE_SECONDS + 2
            assert isinstance(end, IntakeFailed)
            assert "was not fetched within" in end.why
    finally:
        mute.close()


async def _never(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Accepts, and says nothing until the other side has had enough."""
    await writer.wait_closed()


async def test_a_commit_that_was_never_pushed_fails(origin: WorkTree, tmp_path: Path) -> None:
    async with running(MemoryBus(), settings_for(tmp_path, **PRIVATE)) as system:
        (end,) = await pushed(system, "1" * 40, origin.path.as_uri())
        assert isinstance(end, IntakeFailed)
        assert "1" * 40 in end.why


async def test_called_workflows_are_of_the_commit_of_their_caller_and_of_the_tag_of_another_repository(
    origin: WorkTree, tmp_path: Path
) -> None:
    library = workflow("workflow_call")
    folder = tmp_path / "repositories" / "acme" / "flows"
    flows = WorkTree(folder)
    tagged = flows.commit({".github/workflows/far.yml": library})
    flows.git("tag", "-a", "-m", "one", "v1")
    flows.commit({".github/workflows/far.yml": BROKEN})
    calls = "on: push\njobs:\n  near: {uses: ./.github/workflows/lib.yml}\n"
    far = "  far: {uses: acme/flows/.github/workflows/far.yml@v1}\n"
    files = {".github/workflows/a.yml": calls + far, ".github/workflows/b.yml": calls, "lib.yml": library}
    first = origin.commit({**files, ".github/workflows/lib.yml": library})
    settings = settings_for(tmp_path, REPOSITORY_PATH=str(tmp_path / "repositories"), **PRIVATE)
    async with running(MemoryBus(), settings) as system:
        origin.commit({".github/workflows/lib.yml": BROKEN})
        *_, end = await pushed(system, first, origin.path.as_uri())
        assert isinstance(end, RunsPlanned)
        assert set(end.runs) == {".github/workflows/a.yml", ".github/workflows/b.yml"}
        plan = await system.plan(end.runs[".github/workflows/a.yml"])
        own = f"Codertocat/Hello-World/.github/workflows/lib.yml@{first}"
        assert set(plan.called) == {own, f"acme/flows/.github/workflows/far.yml@{tagged}"}
        *rejected, end = await pushed(system, origin.head(), origin.path.as_uri())
        assert isinstance(end, RunsPlanned)
        assert not end.runs
        problems = [problem.message for each in rejected for problem in each.problems if problem.file != LIBRARY]
        assert all("`uses: ./.github/workflows/lib.yml`: .github/workflows/lib.yml:2:" in text for text in problems)
        assert len(problems) == 2
