"""Filters of paths on real histories: what a push or a pull request changed, out of repositories made by git.

Each history is fetched by the parser's own mirrors from a repository elsewhere, and asked as a delivery asks.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from libs.contracts.intake import DeliveryIgnored
from libs.github.mirror import Mirrors, open_mirrors
from libs.github.payload import read_event
from libs.repositories import MAX_CHANGED_FILES, MAX_COMMITS
from libs.settings import read_settings
from services.parser.files import Readings
from services.parser.finding import Found, find, find_besides
from services.parser.meaning import Irrelevant, Relevant
from services.parser.relevance import meaning_of
from tests.e2e.intake.system import settings_for
from tests.repositories import ENVIRONMENT, WorkTree
from tests.unit.services.parser.world import REPOSITORY, ZERO, pull_request, push, workflow

pytestmark = pytest.mark.row("filters: diffs of real histories")

PATHS = "{paths: ['src/**']}"
FILE = ".github/workflows/ci.yml"
CI = {
    FILE: workflow(f"{{push: {PATHS}, pull_request: {PATHS}, pull_request_target: {PATHS}, merge_group: , create: }}"),
    "README.md": "hello\n",
}
SECONDS = 20.0


@dataclass
class Place:
    """A repository elsewhere, `origin`, and what the parser says to a delivery about it."""

    origin: WorkTree
    mirrors: Mirrors

    def payload(self, made: dict[str, Any]) -> dict[str, Any]:
        return made | {"repository": REPOSITORY | {"clone_url": self.origin.path.as_uri()}}

    async def asked(self, name: str, made: dict[str, Any]) -> Found | DeliveryIgnored | str:
        meaning = meaning_of(read_event(name, json.dumps(self.payload(made)).encode()))
        if isinstance(meaning, Irrelevant):
            return meaning.why
        assert isinstance(meaning, Relevant)
        return await find(meaning, self.mirrors, Readings(), SECONDS)

    async def runs(self, name: str, made: dict[str, Any]) -> bool:
        found = await self.asked(name, made)
        assert isinstance(found, Found), found
        assert not found.findings.rejected
        if not found.findings.matched:
            (unmatched,) = found.findings.unmatched
            assert "changed file" in unmatched.why or "no file changed" in unmatched.why
        return bool(found.findings.matched)

    async def pushed(self, before: str, after: str, ref: str = "refs/heads/main", **changes: Any) -> bool:
        return await self.runs("push", push(before=before, after=after, ref=ref, **changes))

    async def pulled(self, base: str, head: str) -> bool:
        return await self.runs("pull_request", pull(base, head))


def pull(base: str, head: str) -> dict[str, Any]:
    made = pull_request({"sha": head})
    made["pull_request"]["base"]["sha"] = base
    return made


@pytest.fixture
async def place(tmp_path: Path) -> AsyncGenerator[Place]:
    origin = WorkTree(tmp_path / "elsewhere")
    mirrors = open_mirrors(read_settings(settings_for(tmp_path, FIREBREAK_ALLOW_PRIVATE_CLONES="true")))
    yield Place(origin, mirrors)
    await mirrors.close()


async def test_a_push_is_what_lies_between_its_two_commits(place: Place) -> None:
    """Of several commits all count."""
    first = place.origin.commit(CI)
    second = place.origin.commit({"src/a": "1"})
    third = place.origin.commit({"README.md": "more\n"})
    assert await place.pushed(first, third)
    assert not await place.pushed(second, third)


async def test_what_was_changed_back_within_a_push_is_no_change(place: Place) -> None:
    first = place.origin.commit({**CI, "src/a": "1"})
    place.origin.commit({"src/a": "2"})
    assert not await place.pushed(first, place.origin.commit({"src/a": "1", "docs/b": "1"}))


async def test_a_push_of_nothing_changes_nothing(place: Place) -> None:
    first = place.origin.commit(CI)
    assert not await place.pushed(first, place.origin.commit(message="Nothing"))


async def test_a_forced_push_is_compared_with_what_was_there(place: Place) -> None:
    """Two dots: what the old commits had and the new ones lack counts too."""
    base = place.origin.commit(CI)
    old = place.origin.commit({"src/a": "1"})
    place.origin.git("branch", "old")
    place.origin.git("reset", "--hard", "--quiet", base)
    new = place.origin.commit({"docs/b": "1"})
    assert await place.pushed(old, new, forced=True)
    assert not await place.pushed(base, new)


async def test_a_forced_push_whose_old_commit_is_gone_everywhere_matches(place: Place) -> None:
    base = place.origin.commit(CI)
    old = place.origin.commit({"docs/a": "1"})
    place.origin.git("reset", "--hard", "--quiet", base)
    new = place.origin.commit({"docs/b": "1"})
    place.origin.git("reflog", "expire", "--expire=now", "--all")
    place.origin.git("gc", "--quiet", "--prune=now")
    assert await place.pushed(old, new, forced=True)


async def test_the_old_commit_of_a_forced_push_is_fetched_where_it_can_be(place: Place) -> None:
    """GitHub gives any commit by its name, also one that no branch has any more."""
    place.origin.git("config", "uploadpack.allowAnySHA1InWant", "true")
    base = place.origin.commit(CI)
    old = place.origin.commit({"docs/a": "1"})
    place.origin.git("reset", "--hard", "--quiet", base)
    assert not await place.pushed(old, place.origin.commit({"docs/b": "1"}), forced=True)


async def test_a_new_branch_is_compared_with_the_parent_of_its_oldest_commit(place: Place) -> None:
    place.origin.commit({**CI, "src/a": "1"})
    place.origin.git("switch", "--quiet", "--create", "topic")
    oldest = place.origin.commit({"docs/a": "1"})
    newest = place.origin.commit({"docs/b": "1"})
    commits = [{"id": oldest}, {"id": newest}]
    assert not await place.pushed(ZERO, newest, "refs/heads/topic", created=True, commits=commits)
    touched = place.origin.commit({"src/b": "1"})
    commits = [*commits, {"id": touched}]
    assert await place.pushed(ZERO, touched, "refs/heads/topic", created=True, commits=commits)


async def test_a_new_branch_without_commits_of_its_own_matches(place: Place) -> None:
    first = place.origin.commit(CI)
    assert await place.pushed(ZERO, first, "refs/heads/topic", created=True, commits=[])


async def test_the_first_push_of_a_repository_is_compared_with_nothing(place: Place) -> None:
    root = place.origin.commit(CI)
    assert not await place.pushed(ZERO, root, created=True, commits=[{"id": root}])
    touched = place.origin.commit({"src/a": "1"})
    assert await place.pushed(ZERO, touched, created=True, commits=[{"id": root}, {"id": touched}])


async def test_a_deleted_branch_starts_nothing(place: Place) -> None:
    first = place.origin.commit(CI)
    found = await place.asked("push", push(before=first, after=ZERO, ref="refs/heads/topic", deleted=True))
    assert found == "the push deleted `refs/heads/topic`"


async def test_a_tag_has_no_paths(place: Place) -> None:
    place.origin.commit(CI)
    second = place.origin.commit({"docs/a": "1"})
    place.origin.git("tag", "--annotate", "--message", "v1", "v1")
    tag = place.origin.git("rev-parse", "v1")
    assert tag != second
    changes = {"head_commit": {"id": second, "message": "A change"}, "created": True}
    found = await place.asked("push", push(before=ZERO, after=tag, ref="refs/tags/v1", **changes))
    assert isinstance(found, Found)
    assert [each.file for each in found.findings.matched] == [FILE]
    assert found.relevant.sha == second


async def test_a_merge_brings_what_the_other_branch_had(place: Place) -> None:
    place.origin.commit(CI)
    place.origin.git("switch", "--quiet", "--create", "topic")
    place.origin.commit({"src/a": "1"})
    place.origin.git("switch", "--quiet", "main")
    before = place.origin.commit({"docs/a": "1"})
    place.origin.git("merge", "--quiet", "--no-edit", "topic")
    assert await place.pushed(before, place.origin.head())


async def test_a_renamed_file_changed_at_both_names(place: Place) -> None:
    before = place.origin.commit({**CI, "src/a": "the same words\n" * 20})
    place.origin.git("mv", "src/a", "a")
    assert await place.pushed(before, place.origin.commit())
    before = place.origin.head()
    place.origin.git("mv", "a", "b")
    assert not await place.pushed(before, place.origin.commit())


async def test_a_removed_file_changed(place: Place) -> None:
    before = place.origin.commit({**CI, "src/a": "1"})
    place.origin.git("rm", "--quiet", "src/a")
    assert await place.pushed(before, place.origin.commit())


async def test_a_pull_request_is_what_it_brings_to_its_base(place: Place) -> None:
    """Three dots: what the base got meanwhile is no change of the pull request."""
    place.origin.commit(CI)
    place.origin.git("switch", "--quiet", "--create", "topic")
    docs = place.origin.commit({"docs/a": "1"})
    source = place.origin.commit({"src/b": "1"})
    place.origin.git("switch", "--quiet", "main")
    base = place.origin.commit({"src/c": "1"})
    assert not await place.pulled(base, docs)
    assert await place.pulled(base, source)


async def test_a_pull_request_that_merged_its_base_in_brings_only_its_own(place: Place) -> None:
    place.origin.commit(CI)
    place.origin.git("switch", "--quiet", "--create", "topic")
    place.origin.commit({"docs/a": "1"})
    place.origin.git("switch", "--quiet", "main")
    base = place.origin.commit({"src/c": "1"})
    place.origin.git("switch", "--quiet", "topic")
    place.origin.git("merge", "--quiet", "--no-edit", "main")
    assert not await place.pulled(base, place.origin.head())


async def test_a_pull_request_whose_base_is_gone_or_shares_nothing_matches(place: Place) -> None:
    head = place.origin.commit(CI)
    assert await place.pulled("a" * 40, head)
    place.origin.git("switch", "--quiet", "--orphan", "other")
    orphan = place.origin.commit({"docs/a": "1"})
    assert await place.pulled(orphan, head)


async def test_the_head_of_a_pull_request_is_found_by_its_ref(place: Place) -> None:
    """A fork's commits are in the base's repository behind `refs/pull/N/head` alone."""
    base = place.origin.commit(CI)
    place.origin.git("switch", "--quiet", "--create", "fork")
    head = place.origin.commit({"src/a": "1"})
    place.origin.git("update-ref", "refs/pull/7/head", head)
    place.origin.git("switch", "--quiet", "main")
    place.origin.git("branch", "--quiet", "-D", "fork")
    assert await place.pulled(base, head)


async def test_a_pull_request_target_runs_the_default_branch_for_the_heads_changes(place: Place) -> None:
    base = place.origin.commit(CI)
    place.origin.git("switch", "--quiet", "--create", "topic")
    docs = place.origin.commit({"docs/a": "1"})
    source = place.origin.commit({"src/b": "1"})
    place.origin.git("switch", "--quiet", "main")
    newest = place.origin.commit({"docs/main": "1"})
    for head, runs in ((docs, False), (source, True)):
        meaning = meaning_of(read_event("pull_request", json.dumps(place.payload(pull(base, head))).encode()))
        assert isinstance(meaning, Relevant)
        assert meaning.also is not None
        found = await find_besides(meaning.also, place.mirrors, Readings(), SECONDS)
        assert found is not None
        assert (found.relevant.sha, found.relevant.ref) == (newest, "refs/heads/main")
        assert bool(found.findings.matched) is runs


async def test_a_merge_group_runs_its_own_commit(place: Place) -> None:
    base = place.origin.commit(CI)
    place.origin.git("switch", "--quiet", "--create", "gh-readonly-queue/main/pr-7-x")
    head = place.origin.commit({"docs/a": "1"})
    place.origin.git("switch", "--quiet", "main")
    group = {"head_sha": head, "head_ref": "refs/heads/gh-readonly-queue/main/pr-7-x", "base_sha": base}
    group["base_ref"] = "refs/heads/main"
    found = await place.asked("merge_group", {"action": "checks_requested", "merge_group": group})
    assert isinstance(found, Found)
    assert (found.relevant.sha, [each.file for each in found.findings.matched]) == (head, [FILE])


async def test_a_created_tag_runs_its_commit(place: Place) -> None:
    first = place.origin.commit(CI)
    place.origin.git("tag", "--annotate", "--message", "v1", "v1")
    place.origin.commit({"docs/a": "1"})
    found = await place.asked("create", {"ref": "v1", "ref_type": "tag"})
    assert isinstance(found, Found)
    assert (found.relevant.sha, found.relevant.ref) == (first, "refs/tags/v1")


async def test_over_a_thousand_commits_match_whatever_they_change(place: Place) -> None:
    before = place.origin.commit(CI)
    import_commits(place.origin, MAX_COMMITS)
    after = place.origin.git("rev-parse", "main")
    assert not await place.pushed(before, after)
    import_commits(place.origin, 1)
    assert await place.pushed(before, place.origin.git("rev-parse", "main"))


async def test_of_a_large_diff_the_first_files_count(place: Place) -> None:
    """By their paths: what lies behind them is not seen, as on GitHub."""
    before = place.origin.commit(CI)
    place.origin.write({f"docs/{number:05}": "1" for number in range(MAX_CHANGED_FILES - 1)})
    inside = place.origin.commit({"src/a": "1"})
    assert await place.pushed(before, inside)
    place.origin.git("reset", "--hard", "--quiet", before)
    place.origin.write({f"docs/{number:05}": "1" for number in range(MAX_CHANGED_FILES)})
    assert not await place.pushed(before, place.origin.commit({"src/a": "1"}))


async def test_a_shallow_clone_at_hand_matches_where_it_ends(place: Place, tmp_path: Path) -> None:
    place.origin.commit(CI)
    before = place.origin.commit({"docs/a": "1"})
    after = place.origin.commit({"docs/b": "1"})
    local = tmp_path / "repositories" / "Codertocat" / "Hello-World.git"
    local.parent.mkdir(parents=True)
    place.origin.git("clone", "--quiet", "--bare", "--depth=1", place.origin.path.as_uri(), str(local))
    mirrors = open_mirrors(
        read_settings(settings_for(tmp_path / "home", REPOSITORY_PATH=str(tmp_path / "repositories")))
    )
    shallow = Place(place.origin, mirrors)
    try:
        assert await shallow.pushed(before, after)
        assert await shallow.pulled(before, after)
    finally:
        await mirrors.close()


def import_commits(tree: WorkTree, count: int) -> None:
    """Many commits at once, each with another `docs/n`."""
    lines: list[str] = []
    for number in range(count):
        start = "from refs/heads/main^0\n" if number == 0 else ""
        lines.append(
            f"commit refs/heads/main\ncommitter Ada <ada@example.org> 1700000000 +0000\ndata 1\nx\n{start}"
            f"M 100644 inline docs/{count}-{number}\ndata 1\nx\n\n"
        )
    subprocess.run(
        ["git", "fast-import", "--quiet"],
        cwd=tree.path,
        env=ENVIRONMENT,
        input="".join(lines).encode(),
        check=True,
        timeout=60,
    )
