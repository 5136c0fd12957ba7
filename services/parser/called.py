"""The workflows that a run calls, found and read before it is planned: each at one commit, checked against its callers.

A file of the same repository is of the commit of the file that names it; one of another repository is of the commit
that its branch, tag or commit stands for now. What is wrong anywhere rejects the run's own workflow, at the job that
leads there. It knows no messages; git is behind `libs.repositories`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from libs.contracts.ids import RepositoryId, is_commit_sha
from libs.contracts.plan import CalledWorkflow, Repository
from libs.repositories import Repositories, RepositoryCommit, Resolved
from libs.sources import SourceError, SourceMissing
from libs.workflow.calls import BadCall, CallName, call_levels, call_name, calls_in_run, misfits
from libs.workflow.model import Job, Workflow
from libs.workflow.planned_jobs import CallTargets
from libs.workflow.planning import WorkflowPlace, called_workflow
from libs.workflow.problems import Problem
from services.parser.files import Readings

SHOWN_PROBLEMS = 5
"""Of a called file with errors, in the words of a caller: who wants all of them looks at that file."""
MAX_BYTES = 8 * 1024 * 1024
"""Of all called files together: they stand in one plan, which the scheduler holds while the run goes on."""
MAX_PROBLEMS = 100
MAX_CHARACTERS = 1000
"""Of problems in all, and of each: a thousand jobs may call the same broken file, through ten levels."""


@dataclass(frozen=True, slots=True)
class Calls:
    """`targets` name the called workflow of each calling job of the run's own file, in `called`."""

    called: dict[str, CalledWorkflow] = field(default_factory=dict[str, CalledWorkflow])
    targets: CallTargets = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the run's own workflow stands. `server` is where repositories are that only have a name."""

    repository: Repository
    commit: RepositoryCommit
    ref: str
    server: str


@dataclass(frozen=True, slots=True)
class _Place:
    """A workflow file at a commit; `ref` is what it was found by."""

    repository: Repository
    commit: RepositoryCommit
    path: str
    ref: str

    @property
    def key(self) -> str:
        return f"{self.repository.full_name}/{self.path}@{self.commit.sha}"


class _Wrong(Exception):
    """A job's call cannot be made."""


async def find_called(
    workflow: Workflow, origin: Origin, repositories: Repositories, readings: Readings, seconds: float
) -> Calls | tuple[Problem, ...]:
    """All that the workflow calls, however many levels down, or all that is wrong with that, in the file's order."""
    if all(job.uses is None for job in workflow.jobs):
        return Calls()
    search = _Search(origin, repositories, readings, seconds)
    place = _Place(origin.repository, origin.commit, workflow.file, origin.ref)
    targets, problems = await search.below(workflow, place, (place.key,))
    return tuple(problems[:MAX_PROBLEMS]) if problems else Calls(search.called, targets)


@dataclass
class _Search:
    """`called` are those that can be called, `heights` the levels below and with each, `wrong` why others cannot."""

    origin: Origin
    repositories: Repositories
    readings: Readings
    seconds: float
    called: dict[str, CalledWorkflow] = field(default_factory=dict[str, CalledWorkflow])
    heights: dict[str, int] = field(default_factory=dict[str, int])
    commits: dict[tuple[str, str], tuple[RepositoryCommit, str]] = field(
        default_factory=dict[tuple[str, str], tuple[RepositoryCommit, str]]
    )
    wrong: dict[str, str] = field(default_factory=dict[str, str])
    bytes_read: int = 0
    missing: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    workflows: dict[str, Workflow] = field(default_factory=dict[str, Workflow])

    async def below(
        self, workflow: Workflow, place: _Place, chain: tuple[str, ...]
    ) -> tuple[CallTargets, list[Problem]]:
        """The targets of its calls; `chain` are the keys from the run's own workflow to this one."""
        targets: CallTargets = {}
        problems: list[Problem] = []
        for job in workflow.jobs:
            if job.uses is None:
                continue
            try:
                targets[job.id] = await self._target(job, job.uses, place, chain)
            except _Wrong as wrong:
                at = job.uses_at or job.at
                path = f"jobs.{job.id}.uses"
                problems.append(
                    Problem(workflow.file, at.line, at.column, f"`uses: {job.uses}`: {wrong}", key_path=path)
                )
        self.heights[place.key] = 1 + max((self.heights.get(key, 1) for key in targets.values()), default=0)
        return targets, problems

    async def _target(self, job: Job, uses: str, place: _Place, chain: tuple[str, ...]) -> str:
        """Raises _Wrong."""
        try:
            named = await self._place(call_name(uses), place)
        except (BadCall, SourceError) as error:
            raise _Wrong(str(error)) from None
        key = named.key
        if key in chain:
            circle = " calls ".join(_file(each) for each in (*chain[chain.index(key) :], key))
            raise _Wrong(f"it leads back to itself: {circle}")
        if key in self.wrong:
            raise _Wrong(self.wrong[key])
        self._check_levels(key, chain)
        workflow = self.workflows.get(key) or await self._read(named)
        wrong = misfits(job, workflow.on.workflow_call)
        if wrong:
            raise _Wrong(f"{self._label(named)}: {'; '.join(wrong)}")
        if key not in self.called:
            await self._take(workflow, named, (*chain, key))
            self._check_levels(key, chain)
        return key

    def _check_levels(self, key: str, chain: tuple[str, ...]) -> None:
        if len(chain) + self.heights.get(key, 1) > call_levels:
            raise _Wrong(f"it would be more than {call_levels} levels of workflows")

    async def _take(self, workflow: Workflow, place: _Place, chain: tuple[str, ...]) -> None:
        targets, problems = await self.below(workflow, place, chain)
        if problems:
            self.wrong[place.key] = self._told(place, problems)
            raise _Wrong(self.wrong[place.key])
        where = WorkflowPlace(place.repository.full_name, place.path, place.ref, place.commit.sha)
        self.called[place.key] = called_workflow(workflow, where, targets)

    async def _read(self, place: _Place) -> Workflow:
        if len(self.workflows) >= calls_in_run:
            raise _Wrong(f"a run may call {calls_in_run} different workflows at most")
        try:
            file = await place.commit.workflow(place.path)
        except SourceError as error:
            raise _Wrong(str(error)) from None
        if file is None:
            raise _Wrong(f"{place.repository.full_name} has no file {place.path} at {place.commit.sha}")
        self.bytes_read += len(file.content)
        if self.bytes_read > MAX_BYTES:
            raise _Wrong(f"the workflows that are called have over {MAX_BYTES} bytes together")
        reading = await self.readings.read(file)
        if reading.workflow is None:
            self.wrong[place.key] = self._told(place, [each for each in reading.problems if each.severity == "error"])
            raise _Wrong(self.wrong[place.key])
        self.workflows[place.key] = reading.workflow
        return reading.workflow

    async def _place(self, name: CallName, caller: _Place) -> _Place:
        """Raises SourceError."""
        if not name.owner:
            return _Place(caller.repository, caller.commit, name.path, caller.ref)
        repository = self._repository(name)
        asked = (repository.full_name.lower(), name.ref)
        if asked in self.missing:
            raise SourceMissing(self.missing[asked])
        if asked not in self.commits:
            commit, ref = await self._fetched(repository, name.ref)
            self.commits[asked] = commit, ref
        commit, ref = self.commits[asked]
        return _Place(repository, commit, name.path, ref)

    async def _fetched(self, repository: Repository, asked: str) -> tuple[RepositoryCommit, str]:
        """Raises SourceError; whoever asks again is told the same."""
        if len(self.commits) + len(self.missing) >= calls_in_run:
            raise SourceMissing(f"a run may call {calls_in_run} different workflows at most")
        try:
            found = await self._resolved(repository, asked)
            hints = (found.ref,) if found.ref else ()
            commit = await self.repositories.commit(repository, found.sha, hints, self.seconds)
        except SourceError as error:
            self.missing[repository.full_name.lower(), asked] = str(error)
            raise
        return commit, found.ref or asked

    def _repository(self, name: CallName) -> Repository:
        """The run's own, with what it may read, or another as a stranger sees it."""
        full_name = f"{name.owner}/{name.repository}"
        if full_name.lower() == self.origin.repository.full_name.lower():
            return self.origin.repository
        url = f"{self.origin.server}/{full_name}.git"
        return Repository(RepositoryId(0), name.owner, name.repository, clone_url=url)

    async def _resolved(self, repository: Repository, ref: str) -> Resolved:
        """A tag counts before a branch of the same name. Source: GitHub's documentation, "Reuse workflows"."""
        if is_commit_sha(ref.lower()):
            return Resolved(ref.lower(), "")
        found = await self.repositories.resolve(repository, ref, self.seconds)
        if not found.ref.startswith("refs/heads/") or ref.startswith("refs/"):
            return found
        try:
            return await self.repositories.resolve(repository, f"refs/tags/{ref}", self.seconds)
        except SourceMissing:
            return found

    def _label(self, place: _Place) -> str:
        """How a problem names the file: as a person would who knows the run's own repository."""
        if place.repository.full_name == self.origin.repository.full_name and place.commit is self.origin.commit:
            return place.path
        return f"{place.repository.full_name}/{place.path}@{place.ref}"

    def _told(self, place: _Place, problems: Iterable[Problem]) -> str:
        found = list(problems)
        label = self._label(place)
        shown = [f"{label}:{each.line}:{each.column}: {each.message}" for each in found[:SHOWN_PROBLEMS]]
        more = [f"and {len(found) - SHOWN_PROBLEMS} more"] if len(found) > SHOWN_PROBLEMS else []
        return "; ".join([*shown, *more])[:MAX_CHARACTERS]


def _file(key: str) -> str:
    return key.partition("@")[0].split("/", 2)[2]
