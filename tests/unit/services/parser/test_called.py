"""What a workflow calls, found before it is planned, and what is said where that cannot be."""

from __future__ import annotations

import asyncio

import pytest

from libs.contracts.ids import RepositoryId
from libs.contracts.plan import Repository
from libs.repositories import Resolved
from libs.sources import SourceMissing
from libs.workflow.model import CallInput, CallSecret, CallTrigger, Job, On, Position, RunsOn, Step, Workflow
from libs.workflow.problems import Problem
from libs.workflow.reading.workflow import Reading
from services.parser.called import Calls, Origin, find_called
from services.parser.files import Readings
from tests.unit.services.parser.repositories import MemoryCommit

OWN = Repository(RepositoryId(7), "octo", "demo", clone_url="https://github.com/octo/demo.git")
SHA, OTHER, TAGGED = "a" * 40, "b" * 40, "c" * 40
FOLDER = ".github/workflows"


class Files(Readings):
    """Workflows as they were read, by the content of their file: what the language is has its own tests."""

    def __init__(self, workflows: dict[str, Workflow | tuple[Problem, ...]]) -> None:
        super().__init__()
        self.workflows = workflows

    async def read(self, file):  # type: ignore[no-untyped-def]
        found = self.workflows[file.content.decode()]
        return Reading(None, found) if isinstance(found, tuple) else Reading(found, ())


class Elsewhere:
    """Repositories by name: their refs, and their commits."""

    def __init__(self) -> None:
        self.refs: dict[tuple[str, str], Resolved] = {}
        self.commits: dict[tuple[str, str], MemoryCommit] = {}
        self.asked: list[tuple[str, int, str]] = []

    async def resolve(self, repository, ref, seconds):  # type: ignore[no-untyped-def]
        names = (ref, f"refs/heads/{ref}", f"refs/tags/{ref}")
        found = [self.refs[repository.full_name, name] for name in names if (repository.full_name, name) in self.refs]
        if not found:
            raise SourceMissing(f"{repository.full_name} has no branch and no tag '{ref}'")
        return found[0]

    async def commit(self, repository, sha, hints, seconds):  # type: ignore[no-untyped-def]
        self.asked.append((repository.full_name, repository.id, repository.clone_url))
        if (repository.full_name, sha) not in self.commits:
            raise SourceMissing(f"{repository.full_name} has no commit {sha}")
        return self.commits[repository.full_name, sha]


class World:
    def __init__(self) -> None:
        self.workflows: dict[str, Workflow | tuple[Problem, ...]] = {}
        self.own = MemoryCommit(SHA)
        self.elsewhere = Elsewhere()

    def has(self, name: str, workflow: Workflow | tuple[Problem, ...], commit: MemoryCommit | None = None) -> None:
        content = f"{name} {len(self.workflows)}"
        self.workflows[content] = workflow
        (commit or self.own).files[f"{FOLDER}/{name}"] = content

    def other(self, full_name: str, sha: str, **refs: str) -> MemoryCommit:
        commit = MemoryCommit(sha)
        self.elsewhere.commits[full_name, sha] = commit
        for name, ref in refs.items():
            self.elsewhere.refs[full_name, f"{ref}/{name}"] = Resolved(sha, f"{ref}/{name}")
        return commit

    def finds(self, *jobs: Job) -> Calls | list[str]:
        origin = Origin(OWN, self.own, "refs/heads/main", "https://github.com")
        workflow = Workflow(f"{FOLDER}/top.yml", On(), jobs)
        found = asyncio.run(find_called(workflow, origin, self.elsewhere, Files(self.workflows), 1))
        return found if isinstance(found, Calls) else [problem.render() for problem in found]


def call(uses: str, id: str = "lib", **fields: object) -> Job:
    return Job(Position(3, 3), id, RunsOn(Position(1, 1), ()), (), uses=uses, uses_at=Position(4, 11), **fields)


def ordinary(id: str = "a") -> Job:
    return Job(Position(9, 3), id, RunsOn(Position(1, 1), ("ubuntu-latest",)), (Step(Position(10, 5), run="true"),))


def library(*jobs: Job, file: str = "lib.yml", **trigger: object) -> Workflow:
    return Workflow(f"{FOLDER}/{file}", On(workflow_call=CallTrigger(**trigger)), jobs or (ordinary(),))


def test_a_file_of_the_same_commit_is_found_by_both_forms():
    world = World()
    world.has("lib.yml", library(inputs=(CallInput("x", "number", default=3),), secrets=(CallSecret("s", True),)))
    found = world.finds(
        call("./.github/workflows/lib.yml", secrets="inherit"),
        call("$/.github/workflows/lib.yml", "too", secrets={"S": "v"}),
        ordinary(),
    )
    assert isinstance(found, Calls)
    key = f"octo/demo/.github/workflows/lib.yml@{SHA}"
    assert found.targets == {"lib": key, "too": key}
    (called,) = found.called.values()
    assert (called.repository, called.sha, called.ref) == ("octo/demo", SHA, "refs/heads/main")
    assert (called.inputs["x"].default, called.secrets, called.jobs[0].id) == (3, {"s": True}, "a")


@pytest.mark.parametrize(
    ("ref", "sha", "shown"),
    [("v1", TAGGED, "refs/tags/v1"), ("main", OTHER, "refs/heads/main"), (OTHER, OTHER, OTHER)],
)
def test_a_file_of_another_repository_is_of_the_commit_of_its_tag_branch_or_commit(ref: str, sha: str, shown: str):
    """Both a tag and a branch are called v1: the tag counts."""
    world = World()
    branch = world.other("acme/flows", OTHER, main="refs/heads", v1="refs/heads")
    tagged = world.other("acme/flows", TAGGED, v1="refs/tags")
    for commit in (branch, tagged):
        world.has("lib.yml", library(call("./.github/workflows/inner.yml", "deep")), commit)
        world.has("inner.yml", library(file="inner.yml"), commit)
    found = world.finds(call(f"acme/flows/.github/workflows/lib.yml@{ref}"))
    assert isinstance(found, Calls)
    assert found.targets == {"lib": f"acme/flows/.github/workflows/lib.yml@{sha}"}
    assert {called.ref for called in found.called.values()} == {shown}
    outer = found.called[found.targets["lib"]]
    assert outer.jobs[0].calls == f"acme/flows/.github/workflows/inner.yml@{sha}"
    assert set(world.elsewhere.asked) == {("acme/flows", 0, "https://github.com/acme/flows.git")}


def test_the_runs_own_repository_by_name_is_read_with_its_own_rights():
    world = World()
    world.has("lib.yml", library(), world.other("octo/demo", OTHER, main="refs/heads"))
    assert isinstance(world.finds(call("Octo/Demo/.github/workflows/lib.yml@main")), Calls)
    assert world.elsewhere.asked == [("octo/demo", 7, OWN.clone_url)]


@pytest.mark.parametrize(
    ("uses", "why"),
    [
        ("./.github/workflows/none.yml", "octo/demo has no file .github/workflows/none.yml at aaaa"),
        ("./lib.yml", "a workflow that is called is a .yml or .yaml file right in .github/workflows"),
        ("./.github/workflows/../x.yml", "right in .github/workflows"),
        ("./.github/workflows/lib.yml@main", "takes no `@`"),
        ("acme/flows/.github/workflows/lib.yml", "lacks `@` and a branch, a tag or a commit"),
        ("acme/.github/workflows/lib.yml@v1", "right in .github/workflows"),
        ("acme/flows/.github/workflows/lib.yml@v9", "acme/flows has no branch and no tag 'v9'"),
        ("./.github/workflows/plain.yml", "it has no `on: workflow_call`, so no job can call it"),
        ("./.github/workflows/broken.yml", ".github/workflows/broken.yml:2:1: no such key"),
    ],
)
def test_a_call_that_cannot_be_made_rejects_the_file_at_uses(uses: str, why: str):
    world = World()
    world.has("plain.yml", Workflow("plain.yml", On(), (ordinary(),)))
    world.has("broken.yml", (Problem("broken.yml", 2, 1, "no such key"), Problem("b", 1, 1, "w", "warning")))
    (problem,) = world.finds(call(uses))
    assert problem.startswith(f"{FOLDER}/top.yml:4:11: `uses: {uses}`: ")
    assert why in problem


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({}, "its input `must` is required"),
        ({"with_": {"must": "x", "other": 1}}, "it has no input `other`; it has `must`, `n`"),
        ({"with_": {"must": "x", "n": "three"}}, "its input `n` is a number, not a string"),
        ({"with_": {"must": None}}, "its input `must` is required"),
        ({"with_": {"must": "x"}, "secrets": {}}, "its secret `token` is required"),
        ({"with_": {"must": "x"}, "secrets": {"TOKEN": "t", "odd": "t"}}, "it has no secret `odd`; it has `token`"),
    ],
)
def test_what_is_passed_has_to_fit_what_is_declared(fields: dict[str, object], why: str):
    world = World()
    inputs = (CallInput("must", "string", required=True), CallInput("n", "number"))
    world.has("lib.yml", library(inputs=inputs, secrets=(CallSecret("token", required=True),)))
    (problem,) = world.finds(call("./.github/workflows/lib.yml", **{"secrets": "inherit", **fields}))
    assert why in problem


def test_what_is_passed_by_expression_is_left_to_the_run():
    world = World()
    world.has("lib.yml", library(inputs=(CallInput("n", "number", required=True),)))
    assert isinstance(world.finds(call("./.github/workflows/lib.yml", with_={"N": "${{ needs.x.outputs.n }}"})), Calls)


def test_a_problem_deep_down_is_told_with_the_way_to_it():
    world = World()
    world.has("one.yml", library(call("./.github/workflows/two.yml", "x"), file="one.yml"))
    world.has("two.yml", (Problem("two.yml", 7, 8, "so it is"),))
    (problem,) = world.finds(call("./.github/workflows/one.yml"))
    way = ".github/workflows/one.yml:4:11: `uses: ./.github/workflows/two.yml`: .github/workflows/two.yml:7:8: so it is"
    assert problem.endswith(way)


def test_a_circle_is_refused():
    world = World()
    world.has("one.yml", library(call("./.github/workflows/two.yml"), file="one.yml"))
    world.has("two.yml", library(call("./.github/workflows/one.yml"), file="two.yml"))
    (problem,) = world.finds(call("./.github/workflows/one.yml"))
    circle = "it leads back to itself: .github/workflows/one.yml calls .github/workflows/two.yml calls"
    assert circle in problem
    (problem,) = world.finds(call("./.github/workflows/top.yml"))
    assert "it leads back to itself: .github/workflows/top.yml calls .github/workflows/top.yml" in problem


@pytest.mark.parametrize(("levels", "fits"), [(9, True), (10, False)])
@pytest.mark.parametrize("shortcut_first", [True, False])
def test_ten_levels_are_the_most_whichever_way_they_are_met(levels: int, fits: bool, shortcut_first: bool):
    world = World()
    for level in range(1, levels + 1):
        jobs = (call(f"./.github/workflows/{level + 1}.yml"),) if level < levels else (ordinary(),)
        world.has(f"{level}.yml", library(*jobs, file=f"{level}.yml"))
    jobs = [call("./.github/workflows/1.yml"), call("./.github/workflows/3.yml", "short")]
    found = world.finds(*(reversed(jobs) if shortcut_first else jobs))
    assert isinstance(found, Calls) is fits
    if not fits:
        assert "more than 10 levels" in found[-1 if shortcut_first else 0]


@pytest.mark.parametrize(("count", "fits"), [(50, True), (51, False)])
def test_fifty_different_workflows_are_the_most(count: int, fits: bool):
    world = World()
    for number in range(count):
        world.has(f"{number}.yml", library(file=f"{number}.yml"))
    found = world.finds(*(call(f"./.github/workflows/{number}.yml", f"j{number}") for number in range(count)))
    assert isinstance(found, Calls) is fits


def test_a_broken_file_at_the_end_of_many_ways_is_told_once_a_job_and_costs_little():
    world = World()
    for level in range(1, 9):
        jobs = tuple(call(f"./.github/workflows/{level + 1}.yml", f"j{number}") for number in range(30))
        world.has(f"{level}.yml", library(*jobs, file=f"{level}.yml"))
    world.has("9.yml", (Problem("9.yml", 1, 1, "x" * 500),))
    found = world.finds(*(call("./.github/workflows/1.yml", f"j{number}") for number in range(200)))
    assert len(found) == 100  # type: ignore[arg-type]
    assert all(len(problem) < 1200 for problem in found)  # type: ignore[union-attr]


def test_repositories_that_cannot_be_had_are_asked_for_once_and_not_without_end():
    world = World()
    uses = [f"acme/r{number}/.github/workflows/x.yml@v1" for number in range(60)]
    found = world.finds(*(call(each, f"j{number}") for number, each in enumerate([*uses, uses[0]])))
    assert "has no branch and no tag" in found[0]
    assert found[-1].endswith(found[0].partition("`: ")[2])
    assert "50 different workflows at most" in found[55]
