"""Mirrors over real repositories: the exact commit, its workflows, what changed; and nothing else runs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from libs.contracts.ids import RepositoryId
from libs.contracts.plan import Repository
from libs.github.addresses import ClonePolicy
from libs.github.fetching import Fetcher
from libs.github.flock import locked
from libs.github.git import Git, GitFailed, GitTooMuch, GitTooSlow
from libs.github.mirror import MAX_READERS, Mirrors
from libs.repositories import MAX_WORKFLOW_BYTES, Base
from libs.sources import SourceMissing, SourceRefused
from tests.repositories import WorkTree

WORKFLOW = "on: push\njobs: {a: {runs-on: x, steps: [{run: 'true'}]}}\n"
SECONDS = 20.0
UNKNOWN = "1" * 40


@pytest.fixture
def origin(tmp_path: Path) -> WorkTree:
    """A repository as it is elsewhere."""
    return WorkTree(tmp_path / "elsewhere" / "octo-org" / "app")


@pytest.fixture
async def mirrors(tmp_path: Path) -> AsyncGenerator[Mirrors]:
    opened = Mirrors(tmp_path / "local", Fetcher(tmp_path / "home" / "mirrors", ClonePolicy((), private=True)))
    yield opened
    await opened.close()


def remote(origin: WorkTree, **changes: object) -> Repository:
    values: dict[str, object] = {
        "id": RepositoryId(7),
        "owner": "octo-org",
        "name": "app",
        "clone_url": str(origin.path),
    }
    return Repository(**(values | changes))  # type: ignore[arg-type]


async def test_a_commit_is_fetched_and_its_workflows_are_read(origin: WorkTree, mirrors: Mirrors) -> None:
    files = {
        ".github/workflows/b.yml": WORKFLOW,
        ".github/workflows/a.yaml": "name: a\n",
        ".github/workflows/notes.md": "no workflow",
        ".github/workflows/below/c.yml": "not recursive",
        "src/main.py": "print()",
    }
    sha = origin.commit(files, "First\n\nWith a body")
    origin.commit({".github/workflows/a.yaml": "name: changed\n"})
    commit = await mirrors.commit(remote(origin), sha, (), SECONDS)
    found = await commit.workflows()
    assert [(file.path, file.content) for file in found] == [
        (".github/workflows/a.yaml", b"name: a\n"),
        (".github/workflows/b.yml", WORKFLOW.encode()),
    ]
    assert (await commit.message()).startswith("First\n\nWith a body")


async def test_the_plain_files_at_the_root_of_a_commit(origin: WorkTree, mirrors: Mirrors) -> None:
    (origin.path / "go.sum").symlink_to("elsewhere")
    first = origin.commit({"uv.lock": "", "README.md": "", "yarn.lock/inside": "", "web/Cargo.lock": ""})
    second = origin.commit({"later.txt": ""})
    assert await (await mirrors.commit(remote(origin), first, (), SECONDS)).root_files() == ("README.md", "uv.lock")
    assert "later.txt" in await (await mirrors.commit(remote(origin), second, (), SECONDS)).root_files()


async def test_a_later_commit_is_fetched_into_the_same_mirror(origin: WorkTree, mirrors: Mirrors) -> None:
    first = origin.commit({".github/workflows/a.yml": "name: 1\n"})
    await mirrors.commit(remote(origin), first, (), SECONDS)
    second = origin.commit({".github/workflows/a.yml": "name: 2\n"})
    commit = await mirrors.commit(remote(origin), second, (), SECONDS)
    assert (await commit.workflows())[0].content == b"name: 2\n"
    assert len(list((mirrors.fetcher.folder).glob("*.git"))) == 1


@pytest.mark.parametrize("place", ["app", "app.git"])
@pytest.mark.parametrize("bare", [True, False])
async def test_a_clone_that_is_there_is_used_first(
    origin: WorkTree, mirrors: Mirrors, tmp_path: Path, place: str, bare: bool
) -> None:
    sha = origin.commit({".github/workflows/a.yml": WORKFLOW})
    kind = ["--bare"] if bare else []
    origin.git("clone", "--quiet", *kind, ".", str(tmp_path / "local" / "octo-org" / place))
    commit = await mirrors.commit(remote(origin, clone_url=""), sha, (), SECONDS)
    assert len(await commit.workflows()) == 1
    assert not mirrors.fetcher.folder.exists()


async def test_what_a_local_clone_lacks_is_fetched(origin: WorkTree, mirrors: Mirrors, tmp_path: Path) -> None:
    origin.commit()
    origin.git("clone", "--quiet", "--bare", ".", str(tmp_path / "local" / "octo-org" / "app.git"))
    sha = origin.commit({".github/workflows/a.yml": WORKFLOW})
    assert len(await (await mirrors.commit(remote(origin), sha, (), SECONDS)).workflows()) == 1


async def test_no_workflows_folder_is_an_empty_list(origin: WorkTree, mirrors: Mirrors) -> None:
    sha = origin.commit({"a": "b"})
    assert await (await mirrors.commit(remote(origin), sha, (), SECONDS)).workflows() == []


async def test_symbolic_links_and_giants_are_named_and_not_read(origin: WorkTree, mirrors: Mirrors) -> None:
    origin.write({".github/workflows/huge.yml": "#" * (MAX_WORKFLOW_BYTES + 1), "secret": "on: push"})
    (origin.path / ".github/workflows/link.yml").symlink_to("../../secret")
    sha = origin.commit({".github/workflows/ok.yml": WORKFLOW})
    found = await (await mirrors.commit(remote(origin), sha, (), SECONDS)).workflows()
    assert [(file.path.rpartition("/")[2], bool(file.problem), bool(file.content)) for file in found] == [
        ("huge.yml", True, False),
        ("link.yml", True, False),
        ("ok.yml", False, True),
    ]


async def test_an_unknown_commit_is_missing(origin: WorkTree, mirrors: Mirrors) -> None:
    origin.commit()
    with pytest.raises(SourceMissing, match=UNKNOWN):
        await mirrors.commit(remote(origin), UNKNOWN, (), SECONDS)


async def test_a_tag_is_no_commit(origin: WorkTree, mirrors: Mirrors) -> None:
    origin.commit()
    origin.git("tag", "--annotate", "--message=x", "v1")
    tag = origin.git("rev-parse", "v1")
    with pytest.raises(SourceMissing):
        await mirrors.commit(remote(origin), tag, (), SECONDS)


async def test_an_unreachable_repository_is_missing(mirrors: Mirrors, tmp_path: Path, origin: WorkTree) -> None:
    with pytest.raises(SourceMissing):
        await mirrors.commit(remote(origin, clone_url=str(tmp_path / "nowhere")), UNKNOWN, (), SECONDS)


@pytest.mark.parametrize("url", ["ext::sh -c 'touch /tmp/firebreak-was-here'", "https://example.org/a/b", ""])
async def test_what_is_not_allowed_is_refused(mirrors: Mirrors, origin: WorkTree, url: str) -> None:
    with pytest.raises(SourceRefused):
        await mirrors.commit(remote(origin, clone_url=url), UNKNOWN, (), SECONDS)


@pytest.mark.parametrize("changes", [{"owner": ".."}, {"name": "../x"}, {"owner": "a/b"}])
async def test_names_cannot_leave_the_folder(mirrors: Mirrors, origin: WorkTree, changes: dict[str, str]) -> None:
    with pytest.raises(SourceRefused):
        await mirrors.commit(remote(origin, **changes), UNKNOWN, (), SECONDS)


async def test_only_public_hosts_unless_configured(origin: WorkTree, tmp_path: Path) -> None:
    sha = origin.commit()
    strict = Mirrors(None, Fetcher(tmp_path / "mirrors", ClonePolicy(("github.com", "localhost"))))
    for url in (str(origin.path), origin.path.as_uri(), "https://localhost/a/b.git"):
        with pytest.raises(SourceRefused):
            await strict.commit(remote(origin, clone_url=url), sha, (), SECONDS)
    await strict.close()


async def test_many_at_once_fetch_once_each(origin: WorkTree, mirrors: Mirrors) -> None:
    shas = [origin.commit({".github/workflows/a.yml": f"name: n{number}\n"}) for number in range(3)]
    commits = await asyncio.gather(*(mirrors.commit(remote(origin), sha, (), SECONDS) for sha in shas * 4))
    contents = [(await commit.workflows())[0].content for commit in commits]
    assert contents == [f"name: n{number}\n".encode() for number in range(3)] * 4


async def test_a_fetch_that_is_slow_fails_the_delivery_and_goes_on(origin: WorkTree, mirrors: Mirrors) -> None:
    sha = origin.commit({".github/workflows/a.yml": WORKFLOW})
    directory = mirrors.fetcher.directory(remote(origin))
    directory.parent.mkdir(parents=True)
    async with locked(directory.with_suffix(".lock"), 1):
        with pytest.raises(SourceMissing, match="The fetch goes on"):
            await mirrors.commit(remote(origin), sha, (), 0.1)
    assert len(await (await mirrors.commit(remote(origin), sha, (), SECONDS)).workflows()) == 1


async def test_a_half_made_mirror_is_completed(origin: WorkTree, mirrors: Mirrors) -> None:
    sha = origin.commit({".github/workflows/a.yml": WORKFLOW})
    directory = mirrors.fetcher.directory(remote(origin))
    (directory / "objects").mkdir(parents=True)
    assert len(await (await mirrors.commit(remote(origin), sha, (), SECONDS)).workflows()) == 1


async def test_hooks_of_a_clone_do_not_run(origin: WorkTree, mirrors: Mirrors, tmp_path: Path) -> None:
    sha = origin.commit({".github/workflows/a.yml": WORKFLOW})
    clone = tmp_path / "local" / "octo-org" / "app"
    origin.git("clone", "--quiet", ".", str(clone))
    marker = tmp_path / "ran"
    for setting in ("core.fsmonitor", "core.pager", "diff.external", "core.sshCommand", "core.gitProxy"):
        WorkTree.git(origin, "-C", str(clone), "config", setting, f"touch {marker}; false")
    commit = await mirrors.commit(remote(origin), sha, (), SECONDS)
    await commit.workflows()
    await commit.changed_paths(Base(sha))
    await mirrors.resolve(remote(origin), "main", SECONDS)
    assert not marker.exists()


async def test_changed_paths(origin: WorkTree, mirrors: Mirrors) -> None:
    first = origin.commit({"a": "1", "b": "1", "dir/ü name": "1"})
    origin.git("mv", "a", "moved")
    second = origin.commit({"b": "2"})
    commit = await mirrors.commit(remote(origin), second, (), SECONDS)
    assert await commit.changed_paths(Base(first)) == ("a", "b", "moved")
    assert await commit.changed_paths(Base(second, "parent")) == ("a", "b", "moved")
    assert await commit.changed_paths(Base(first, "parent")) == ("b", "dir/ü name", "moved"), (
        "the root's parent is empty"
    )
    assert await commit.changed_paths(Base(second)) == ()
    assert await commit.changed_paths(Base(UNKNOWN)) is None
    assert await commit.changed_paths(Base("--output=x")) is None


async def test_a_pull_request_compares_with_where_it_left(origin: WorkTree, mirrors: Mirrors) -> None:
    origin.commit({"a": "1"})
    origin.git("checkout", "--quiet", "-b", "topic")
    head = origin.commit({"topic": "1"})
    origin.git("checkout", "--quiet", "main")
    base = origin.commit({"main": "1"})
    await mirrors.commit(remote(origin), base, (), SECONDS)
    commit = await mirrors.commit(remote(origin), head, (), SECONDS)
    assert await commit.changed_paths(Base(base, "merge-base")) == ("topic",)
    assert await commit.changed_paths(Base(base)) == ("main", "topic")


async def test_unrelated_histories_have_no_diff(origin: WorkTree, mirrors: Mirrors) -> None:
    base = origin.commit({"a": "1"})
    origin.git("checkout", "--quiet", "--orphan", "other")
    head = origin.commit({"b": "1"})
    await mirrors.commit(remote(origin), base, (), SECONDS)
    commit = await mirrors.commit(remote(origin), head, (), SECONDS)
    assert await commit.changed_paths(Base(base, "merge-base")) is None


async def test_over_a_thousand_commits_have_no_diff(origin: WorkTree, mirrors: Mirrors, tmp_path: Path) -> None:
    first = origin.commit({"a": "1"})
    tree = origin.git("rev-parse", "HEAD^{tree}")
    script = tmp_path / "import"
    head = "commit refs/heads/long\ncommitter A <a@b> 1 +0000\ndata 1\nx\n"
    rest = "".join(f"{head}M 040000 {tree} \n" for _ in range(1000))
    script.write_text(f"{head}from {first}\nM 040000 {tree} \n{rest}")
    origin.git("-c", f"alias.load=!git fast-import --quiet < {script}", "load")
    origin.git("reset", "--quiet", "--hard", "long")
    sha = origin.git("rev-parse", "main")
    commit = await mirrors.commit(remote(origin), sha, (), SECONDS)
    assert await commit.changed_paths(Base(first)) is None
    assert await commit.changed_paths(Base(origin.git("rev-parse", "main~1000"))) == ()


async def test_refs_are_resolved(origin: WorkTree, mirrors: Mirrors) -> None:
    first = origin.commit({"a": "1"})
    origin.git("tag", "--annotate", "--message=x", "v1")
    origin.git("branch", "both")
    second = origin.commit({"a": "2"})
    origin.git("tag", "both")
    for ref, sha, full in [
        ("main", second, "refs/heads/main"),
        ("refs/heads/main", second, "refs/heads/main"),
        ("v1", first, "refs/tags/v1"),
        ("refs/tags/v1", first, "refs/tags/v1"),
        ("both", first, "refs/heads/both"),
        (first, first, ""),
    ]:
        found = await mirrors.resolve(remote(origin), ref, SECONDS)
        assert (found.sha, found.ref) == (sha, full), ref
    for ref in ("nothing", "refs/heads/nothing", "-x", "a..b", "main^", ""):
        with pytest.raises(SourceMissing):
            await mirrors.resolve(remote(origin), ref, SECONDS)


async def test_branches_of_a_local_clone_are_resolved_too(origin: WorkTree, mirrors: Mirrors, tmp_path: Path) -> None:
    sha = origin.commit({"a": "1"})
    origin.git("branch", "topic")
    origin.git("clone", "--quiet", ".", str(tmp_path / "local" / "octo-org" / "app"))
    found = await mirrors.resolve(remote(origin, clone_url=""), "topic", SECONDS)
    assert (found.sha, found.ref) == (sha, "refs/heads/topic")


async def test_open_readers_are_bounded(tmp_path: Path, mirrors: Mirrors) -> None:
    origins = [WorkTree(tmp_path / "local" / "o" / f"r{number}") for number in range(3)]
    for origin in origins:
        origin.commit({".github/workflows/a.yml": WORKFLOW})
    commits = [
        await mirrors.commit(remote(origin, owner="o", name=origin.path.name), origin.head(), (), SECONDS)
        for origin in origins
    ]
    assert len(mirrors._readers) <= MAX_READERS  # pyright: ignore[reportPrivateUsage]  # nobody else has to see them
    reader = commits[0].clone.reader
    await reader.close()
    assert len(await commits[0].workflows()) == 1, "who still has a closed reader may go on"


async def test_ancestors(origin: WorkTree, mirrors: Mirrors) -> None:
    first = origin.commit({"a": "1"})
    second = origin.commit({"a": "2"})
    clone = (await mirrors.commit(remote(origin), second, (), SECONDS)).clone
    assert await clone.is_ancestor(first, second)
    assert not await clone.is_ancestor(second, first)
    assert not await clone.is_ancestor(UNKNOWN, first)


async def test_git_is_stopped_at_its_deadline_and_at_its_bound(tmp_path: Path) -> None:
    with pytest.raises(GitTooSlow):
        await Git().run("-c", "alias.wait=!sleep 30", "wait", seconds=0.2)
    with pytest.raises(GitTooMuch):
        await Git().run("-c", "alias.loud=!head -c 1000000 /dev/zero", "loud", seconds=5, limit_bytes=1000)
    with pytest.raises(GitFailed):
        await Git().run("no-such-command", seconds=5)


@pytest.mark.parametrize("url", ["ext::sh -c 'touch {pwned}'", "file://{folder}", "{folder}", "http://127.0.0.1:1/a"])
async def test_git_itself_speaks_no_other_protocol(origin: WorkTree, tmp_path: Path, url: str) -> None:
    """A second lock behind the rules for URLs: git could come to another one by itself."""
    origin.commit({"a": "1"})
    pwned = tmp_path / "pwned"
    with pytest.raises(GitFailed, match="not allowed"):
        await Git(("https",)).run("ls-remote", "--", url.format(pwned=pwned, folder=origin.path), seconds=SECONDS)
    assert not pwned.exists()


async def test_nothing_of_this_machine_reaches_git(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    output = await Git().run("-c", "alias.environment=!env", "environment", seconds=5)
    names = {line.partition("=")[0] for line in output.decode().splitlines()}
    assert "AWS_SECRET_ACCESS_KEY" not in names
    assert os.environ["GIT_DIR"] not in output.decode()


def test_the_token_goes_to_github_alone_and_into_no_argument() -> None:
    policy = ClonePolicy(("github.com", "git.example.org"))
    fetcher = Fetcher(Path("/nowhere"), policy, token="s3cret-token")
    git = fetcher.git_for(policy.parsed("https://github.com/a/b.git"))
    assert "Authorization" in str(git.environment())
    assert not any("s3cret" in word or "Authorization" in word for word in git.command("fetch"))
    assert git.clean(b"fatal: s3cret-token " + git.hidden[1].encode()) == "fatal: *** ***"
    for url in ("https://git.example.org/a/b.git", "git@github.com:a/b.git"):
        assert "Authorization" not in str(fetcher.git_for(policy.parsed(url)).environment())
