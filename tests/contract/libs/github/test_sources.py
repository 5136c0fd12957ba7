"""Clones for jobs: exactly the commit, with `.git` as actions/checkout leaves it; from mirrors and from a folder."""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from libs.contracts.ids import RepositoryId
from libs.contracts.plan import Repository
from libs.github.addresses import ClonePolicy
from libs.github.directory import NO_COMMIT, Directory, open_directory
from libs.github.fetching import Fetcher
from libs.github.mirror import Mirrors
from libs.github.sources import MirrorSources
from libs.repositories import Base
from libs.sources import WHOLE_HISTORY, SourceMissing, SourceRefused, Sources, Wanted
from tests.repositories import ENVIRONMENT, WorkTree

UNKNOWN = "1" * 40
WORKFLOW = "on: push\n"


@pytest.fixture
def origin(tmp_path: Path) -> WorkTree:
    tree = WorkTree(tmp_path / "elsewhere")
    tree.commit({"a": "1", ".gitignore": "built\n"}, "First")
    tree.git("tag", "--annotate", "--message=x", "v1")
    tree.commit({"a": "2", "dir/ü": "x"}, "Second")
    (tree.path / "link").symlink_to("a")
    tree.write({"run.sh": "#!/bin/sh\n"})
    (tree.path / "run.sh").chmod(0o755)
    tree.commit(None, "Third")
    return tree


@pytest.fixture
def repository(origin: WorkTree) -> Repository:
    return Repository(RepositoryId(7), "octo-org", "app", str(origin.path), "main")


@pytest.fixture
async def mirrored(tmp_path: Path) -> AsyncGenerator[MirrorSources]:
    fetcher = Fetcher(tmp_path / "mirrors", ClonePolicy((), private=True))
    sources = MirrorSources(Mirrors(None, fetcher))
    yield sources
    await sources.close()


@pytest.fixture
async def directory(origin: WorkTree) -> AsyncGenerator[Directory]:
    opened = open_directory(origin.path)
    yield opened
    await opened.close()


@pytest.fixture(params=["mirrored", "directory"])
def sources(request: pytest.FixtureRequest) -> Sources:
    return request.getfixturevalue(request.param)


class Clone:
    """What a job finds in its workspace."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self.path, env=ENVIRONMENT, check=True, capture_output=True, text=True, timeout=30
        )
        return done.stdout.strip()

    @property
    def files(self) -> set[str]:
        found = (path.relative_to(self.path) for path in self.path.rglob("*") if not path.is_dir())
        return {str(path) for path in found if path.parts[0] != ".git"}


async def check_out(sources: Sources, wanted: Wanted, target: Path) -> tuple[Clone, str, str]:
    async with sources.checkout(wanted) as source:
        data = b"".join([piece async for piece in source.archive])
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            tar.extractall(target, filter="tar")
        return Clone(target), source.commit, source.ref


async def test_the_commit_exactly(sources: Sources, repository: Repository, origin: WorkTree, tmp_path: Path) -> None:
    head = origin.head()
    clone, commit, ref = await check_out(sources, Wanted(repository, head, "refs/heads/main"), tmp_path / "job")
    assert (commit, ref) == (head, "refs/heads/main")
    assert clone.git("rev-parse", "HEAD") == head
    assert clone.git("rev-parse", "--abbrev-ref", "HEAD") == "main"
    assert clone.git("rev-parse", "origin/main") == head
    assert clone.git("status", "--porcelain") == ""
    assert clone.git("log", "--format=%s") == "Third"
    assert clone.git("remote", "get-url", "origin") == str(origin.path)
    assert clone.files == {"a", "dir/ü", ".gitignore", "link", "run.sh"}
    assert (clone.path / "link").is_symlink()
    assert (clone.path / "run.sh").stat().st_mode & 0o111


async def test_an_older_commit_is_not_the_newest(
    sources: Sources, repository: Repository, origin: WorkTree, tmp_path: Path
) -> None:
    older = origin.git("rev-parse", "HEAD~1")
    clone, commit, _ = await check_out(sources, Wanted(repository, older, "refs/heads/main"), tmp_path / "job")
    assert commit == clone.git("rev-parse", "HEAD") == older
    assert clone.files == {"a", "dir/ü", ".gitignore"}


@pytest.mark.parametrize(("depth", "commits"), [(1, 1), (2, 2), (50, 3), (WHOLE_HISTORY, 3)])
async def test_depth(
    sources: Sources, repository: Repository, origin: WorkTree, tmp_path: Path, depth: int, commits: int
) -> None:
    wanted = Wanted(repository, origin.head(), "refs/heads/main", depth)
    clone, _, _ = await check_out(sources, wanted, tmp_path / "job")
    assert len(clone.git("log", "--format=%h").splitlines()) == commits
    if depth == WHOLE_HISTORY:
        assert clone.git("describe", "--tags").startswith("v1-2-g")


async def test_the_whole_history_has_all_branches(
    sources: Sources, repository: Repository, origin: WorkTree, tmp_path: Path
) -> None:
    origin.git("branch", "topic", "HEAD~1")
    wanted = Wanted(repository, origin.head(), "refs/heads/main", WHOLE_HISTORY)
    clone, _, _ = await check_out(sources, wanted, tmp_path / "job")
    assert clone.git("rev-parse", "origin/topic") == origin.git("rev-parse", "topic")


@pytest.mark.parametrize("ref", ["refs/pull/7/merge", "refs/tags/v1", None])
async def test_what_is_no_branch_is_detached(
    sources: Sources, repository: Repository, origin: WorkTree, tmp_path: Path, ref: str | None
) -> None:
    clone, commit, full = await check_out(sources, Wanted(repository, origin.head(), ref), tmp_path / "job")
    assert clone.git("rev-parse", "--abbrev-ref", "HEAD") == "HEAD"
    assert (commit, full) == (origin.head(), ref or "")


async def test_a_ref_alone_decides(sources: Sources, repository: Repository, origin: WorkTree, tmp_path: Path) -> None:
    tagged = origin.git("rev-parse", "v1^{commit}")
    _, commit, ref = await check_out(sources, Wanted(repository, None, "v1"), tmp_path / "tag")
    assert (commit, ref) == (tagged, "refs/tags/v1")
    clone, commit, ref = await check_out(sources, Wanted(repository, None, None), tmp_path / "default")
    assert (commit, ref) == (origin.head(), "refs/heads/main")
    assert clone.git("rev-parse", "--abbrev-ref", "HEAD") == "main"


async def test_the_default_branch_is_asked_for_where_it_is_not_known(
    mirrored: MirrorSources, repository: Repository, origin: WorkTree, tmp_path: Path
) -> None:
    unknown = replace_default(repository)
    _, commit, ref = await check_out(mirrored, Wanted(unknown), tmp_path / "job")
    assert (commit, ref) == (origin.head(), "refs/heads/main")


def replace_default(repository: Repository) -> Repository:
    return Repository(repository.id, repository.owner, repository.name, repository.clone_url)


@pytest.mark.parametrize("wanted", [{"commit": UNKNOWN}, {"ref": "nothing"}, {"ref": "--x"}])
async def test_what_cannot_be_had_is_missing(
    sources: Sources, repository: Repository, tmp_path: Path, wanted: dict[str, str]
) -> None:
    with pytest.raises(SourceMissing):
        await check_out(sources, Wanted(repository, **wanted), tmp_path / "job")  # type: ignore[arg-type]


async def test_credentials_do_not_reach_a_job(directory: Directory, origin: WorkTree, tmp_path: Path) -> None:
    url = "https://someone:password@github.com/octo-org/app.git"
    repository = Repository(RepositoryId(7), "octo-org", "app", url)
    clone, _, _ = await check_out(directory, Wanted(repository, origin.head()), tmp_path / "job")
    assert "password" not in (clone.path / ".git" / "config").read_text()


async def test_a_job_reads_no_private_clone_by_naming_it(origin: WorkTree, tmp_path: Path) -> None:
    origin.git("clone", "--quiet", ".", str(tmp_path / "local" / "octo-org" / "private"))
    fetcher = Fetcher(tmp_path / "mirrors", ClonePolicy(("github.com",)))
    sources = MirrorSources(Mirrors(tmp_path / "local", fetcher))
    named = Repository(RepositoryId(0), "octo-org", "private", "https://nowhere.example/x.git")
    with pytest.raises(SourceRefused):
        await check_out(sources, Wanted(named, None, "main"), tmp_path / "job")
    known = Repository(RepositoryId(9), "octo-org", "private")
    _, commit, _ = await check_out(sources, Wanted(known, None, "main"), tmp_path / "own")
    assert commit == origin.head()
    await sources.close()


async def test_an_archive_that_nobody_reads_to_its_end(
    mirrored: MirrorSources, repository: Repository, origin: WorkTree
) -> None:
    origin.commit({"large": "x" * 3_000_000})
    async with mirrored.checkout(Wanted(repository, origin.head())) as source:
        async for _ in source.archive:
            break


async def test_a_folder_as_it_lies_there(
    directory: Directory, repository: Repository, origin: WorkTree, tmp_path: Path
) -> None:
    origin.write({"a": "changed", "new/file": "new", "built": "ignored"})
    (origin.path / "dir" / "ü").unlink()
    head = await directory.head()
    clone, commit, _ = await check_out(directory, Wanted(repository, head.sha, head.ref), tmp_path / "job")
    assert commit == origin.head()
    assert clone.files == {"a", "new/file", ".gitignore", "link", "run.sh"}
    assert (clone.path / "a").read_text() == "changed"
    assert (
        clone.git("status", "--porcelain", "--untracked-files=all").splitlines()
        == origin.git("status", "--porcelain", "--untracked-files=all").splitlines()
    )


async def test_a_commit_of_a_folder_exactly(repository: Repository, origin: WorkTree, tmp_path: Path) -> None:
    origin.write({"a": "changed"})
    exact = open_directory(origin.path, as_it_lies=False)
    clone, _, _ = await check_out(exact, Wanted(repository, origin.head()), tmp_path / "job")
    assert (clone.path / "a").read_text() == "2"
    await exact.close()


async def test_workflows_of_a_folder(repository: Repository, origin: WorkTree) -> None:
    head = origin.commit({".github/workflows/a.yml": WORKFLOW, "other/b.yaml": WORKFLOW})
    origin.write({".github/workflows/a.yml": "on: pull_request\n", ".github/workflows/new.yml": WORKFLOW})
    (origin.path / ".github/workflows/link.yml").symlink_to("a.yml")
    lying, exact = open_directory(origin.path), open_directory(origin.path, as_it_lies=False)
    now = await (await lying.commit(repository, head, (), 1)).workflows()
    then = await (await exact.commit(repository, head, (), 1)).workflows()
    assert [(file.path[-7:], file.content, bool(file.problem)) for file in now] == [
        ("s/a.yml", b"on: pull_request\n", False),
        ("ink.yml", b"", True),
        ("new.yml", WORKFLOW.encode(), False),
    ]
    assert [(file.path, file.content) for file in then] == [(".github/workflows/a.yml", WORKFLOW.encode())]
    for as_it_lies in (True, False):
        chosen = open_directory(origin.path, ("other/b.yaml", "other", "no/such.yml"), as_it_lies=as_it_lies)
        found = await (await chosen.commit(repository, head, (), 1)).workflows()
        assert [file.path for file in found] == ["other/b.yaml"]
        await chosen.close()
    await lying.close()
    await exact.close()


async def test_root_files_of_a_folder(repository: Repository, origin: WorkTree) -> None:
    head = origin.commit({"uv.lock": ""})
    origin.write({"go.sum": "", "web/yarn.lock": ""})
    for as_it_lies, more in ((True, {"go.sum"}), (False, set[str]())):
        opened = open_directory(origin.path, as_it_lies=as_it_lies)
        names = set(await (await opened.commit(repository, head, (), 1)).root_files())
        assert names & {"uv.lock", "go.sum", "web", "web/yarn.lock", "link", ".git"} == {"uv.lock"} | more
        await opened.close()


async def test_changes_of_a_folder(directory: Directory, repository: Repository, origin: WorkTree) -> None:
    origin.write({"new": "x"})
    head = await directory.head()
    commit = await directory.commit(repository, head.sha, (), 1)
    before = origin.git("rev-parse", "HEAD~1")
    assert await commit.changed_paths(Base(before)) == ("link", "new", "run.sh")
    assert await commit.message() == "Third\n"


@pytest.mark.parametrize("in_git", [False, True])
async def test_a_folder_without_commits(repository: Repository, tmp_path: Path, in_git: bool) -> None:
    path = tmp_path / "plain"
    if in_git:
        WorkTree(path)
    (path / ".github/workflows").mkdir(parents=True)
    (path / ".github/workflows/a.yml").write_text(WORKFLOW)
    (path / "b").write_text("b")
    opened = open_directory(path)
    head = await opened.head()
    assert head.sha == NO_COMMIT
    commit = await opened.commit(repository, head.sha, (), 1)
    assert len(await commit.workflows()) == 1
    assert await commit.message() == ""
    assert await commit.changed_paths(Base(UNKNOWN)) is None
    clone, sha, _ = await check_out(opened, Wanted(repository, head.sha, head.ref), tmp_path / "job")
    assert (sha, clone.files) == (NO_COMMIT, {"b", ".github/workflows/a.yml"})
    with pytest.raises(SourceMissing):
        await opened.commit(repository, UNKNOWN, (), 1)
    await opened.close()
