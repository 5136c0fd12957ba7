"""Action repositories out of real git: which commit a reference means, what is offered here, and what is kept."""

from __future__ import annotations

import asyncio
import io
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from libs.contracts.ids import RepositoryId
from libs.contracts.plan import Repository
from libs.github.actions import ActionMirrors
from libs.github.addresses import ClonePolicy
from libs.github.fetching import Fetcher
from libs.sources import SourceMissing, SourceRefused, Wanted
from tests.repositories import WorkTree

ACTION = Repository(RepositoryId(0), "octo", "greet")


@pytest.fixture
def origin(tmp_path: Path) -> WorkTree:
    """What the network has."""
    tree = WorkTree(tmp_path / "elsewhere" / "octo" / "greet.git")
    tree.commit({"action.yml": "one"})
    tree.git("tag", "--annotate", "--message", "first", "v1")
    tree.commit({"action.yml": "two", "dist/index.js": "2"})
    return tree


@pytest.fixture
async def mirrors(tmp_path: Path, origin: WorkTree) -> AsyncIterator[ActionMirrors]:
    fetcher = Fetcher(tmp_path / "home" / "actions", ClonePolicy((), private=True), shallow=True)
    made = ActionMirrors((tmp_path / "offered",), (tmp_path / "elsewhere").as_uri(), fetcher)
    yield made
    await made.close()


async def _files(mirrors: ActionMirrors, wanted: Wanted) -> tuple[str, str, dict[str, str]]:
    async with mirrors.checkout(wanted) as source:
        data = b"".join([piece async for piece in source.archive])
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        found = {entry.name: tar.extractfile(entry) for entry in tar if entry.isfile()}
        return source.commit, source.ref, {name: file.read().decode() for name, file in found.items() if file}


@pytest.mark.row("actions: owner/repo@ref")
async def test_a_tag_a_branch_and_a_commit_are_found(mirrors: ActionMirrors, origin: WorkTree) -> None:
    first, second = origin.git("rev-parse", "v1^{commit}"), origin.head()
    assert await _files(mirrors, Wanted(ACTION, ref="v1")) == (first, "refs/tags/v1", {"action.yml": "one"})
    two = {"action.yml": "two", "dist/index.js": "2"}
    assert await _files(mirrors, Wanted(ACTION, ref="main")) == (second, "refs/heads/main", two)
    assert await _files(mirrors, Wanted(ACTION, ref="refs/heads/main")) == (second, "refs/heads/main", two)
    assert await _files(mirrors, Wanted(ACTION, ref=first.upper())) == (first, "", {"action.yml": "one"})


async def test_where_a_tag_and_a_branch_have_one_name_the_tag_counts(mirrors: ActionMirrors, origin: WorkTree) -> None:
    origin.git("branch", "v1")
    assert (await _files(mirrors, Wanted(ACTION, ref="v1")))[1] == "refs/tags/v1"


async def test_a_moved_tag_is_followed_and_a_commit_is_not_asked_for_again(
    mirrors: ActionMirrors, origin: WorkTree
) -> None:
    first = (await _files(mirrors, Wanted(ACTION, ref="v1")))[0]
    origin.git("tag", "--force", "v1")
    assert (await _files(mirrors, Wanted(ACTION, ref="v1")))[0] == origin.head()
    origin.path.rename(origin.path.with_name("gone"))
    assert (await _files(mirrors, Wanted(ACTION, ref=first)))[2] == {"action.yml": "one"}
    with pytest.raises(SourceMissing):
        await _files(mirrors, Wanted(ACTION, ref="v1"))


async def test_no_history_is_fetched(mirrors: ActionMirrors, origin: WorkTree) -> None:
    await _files(mirrors, Wanted(ACTION, ref="main"))
    directory = mirrors.fetcher.directory(ACTION)
    process = await asyncio.create_subprocess_exec(
        *("git", f"--git-dir={directory}", "rev-list", "--count", origin.head()), stdout=asyncio.subprocess.PIPE
    )
    counted, _ = await process.communicate()
    assert counted.strip() == b"1"


@pytest.mark.row("actions: offline")
@pytest.mark.parametrize("bare", [True, False])
async def test_a_clone_that_is_offered_serves_without_the_network(
    mirrors: ActionMirrors, origin: WorkTree, tmp_path: Path, bare: bool
) -> None:
    place = tmp_path / "offered" / "octo" / ("greet.git" if bare else "greet")
    place.parent.mkdir(parents=True)
    origin.git("branch", "other", "v1")
    origin.git("clone", "--quiet", *(("--bare",) if bare else ()), str(origin.path), str(place))
    commit = origin.git("rev-parse", "v1^{commit}")
    origin.path.rename(origin.path.with_name("gone"))
    for ref in ("v1", "other", commit):
        assert (await _files(mirrors, Wanted(ACTION, ref=ref)))[0] == commit
    assert not mirrors.fetcher.folder.exists()


async def test_what_an_offered_clone_lacks_is_fetched(mirrors: ActionMirrors, origin: WorkTree, tmp_path: Path) -> None:
    WorkTree(tmp_path / "offered" / "octo" / "greet").commit({"action.yml": "old"})
    assert (await _files(mirrors, Wanted(ACTION, ref="v1")))[2] == {"action.yml": "one"}


async def test_what_is_not_there_is_said(mirrors: ActionMirrors, origin: WorkTree) -> None:
    with pytest.raises(SourceMissing, match="octo/greet has no tag and no branch 'v9'"):
        await _files(mirrors, Wanted(ACTION, ref="v9"))
    with pytest.raises(SourceMissing, match="a commit has to be written whole"):
        await _files(mirrors, Wanted(ACTION, ref=origin.head()[:10]))
    with pytest.raises(SourceMissing):
        await _files(mirrors, Wanted(ACTION, ref="1" * 40))
    with pytest.raises(SourceMissing):
        await _files(mirrors, Wanted(Repository(RepositoryId(0), "octo", "nothing"), ref="v1"))
    with pytest.raises(SourceRefused):
        await _files(mirrors, Wanted(Repository(RepositoryId(0), "..", "etc"), ref="v1"))


async def test_where_nothing_can_be_fetched_it_is_said_what_serves_instead(tmp_path: Path) -> None:
    mirrors = ActionMirrors((), "https://example.invalid", Fetcher(tmp_path, ClonePolicy(("github.com",))))
    with pytest.raises(SourceRefused, match="a clone at octo/greet in a folder of FIREBREAK_ACTIONS_FROM"):
        await _files(mirrors, Wanted(ACTION, ref="v1"))
    WorkTree(tmp_path / "offered" / "octo" / "greet").commit({"action.yml": "old"})
    offering = ActionMirrors((tmp_path / "offered",), mirrors.base_url, mirrors.fetcher)
    with pytest.raises(
        SourceRefused, match=r"the clone at .*/octo/greet/.git has no tag, no branch and no commit 'v1'"
    ):
        await _files(offering, Wanted(ACTION, ref="v1"))


async def test_a_reader_that_stops_leaves_nothing_running(mirrors: ActionMirrors, origin: WorkTree) -> None:
    origin.commit({"large": "x" * 4 * 1024**2})
    async with mirrors.checkout(Wanted(ACTION, ref="main")) as source:
        async for _ in source.archive:
            break
