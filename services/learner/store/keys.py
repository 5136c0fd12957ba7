"""Integer keys for names: a workflow, a job, a step is a small number in every fact, and its name stands once.

Pure but for the look-ups that it is given: what is not in memory may be in the file. Memory is bounded; what was put
out of it is looked up again, a whole batch at once.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from itertools import islice
from typing import Generic, NamedTuple, TypeVar

from services.learner.folding.facts import AttemptFact, Fact, JobFact, PlanFact, StepFact, TimeoutFact
from services.learner.folding.facts_learned import RecognitionFact

KEPT = 100_000
"""Names of each kind in memory: some ten megabytes, and more than a year of most installations' names."""
KEPT_LATELY = 10_000
"""Of runs, commits and refs, which only ever grow and are asked for while they are young."""
UNKNOWN_WORKFLOW = 0
"""The workflow of a run whose plan is gone from the log (aged out, erased)."""


# Plain tuples: one is made for every fact of a replay, and a named one costs five times as much.
WorkflowName = tuple[int, str]
"""(repository id, path)"""
JobName = tuple[int, str]
"""(workflow key, job's key in its run)"""
StepName = tuple[int, str]
"""(job key, name)"""
OfRepository = tuple[int, str]
"""(repository id, a commit's SHA) or (repository id, a ref)"""
Kids = tuple[int, ...]
"""A fact's keys, in the order of its table's key columns."""
NOTHING = 0
"""The key of an empty command or fingerprint: it has no row of names."""


class Label(NamedTuple):
    """What a key is called from the message at `since` on: (repository, name) or (job_id, name)."""

    kid: int
    since: int
    first: str
    second: str


Key = TypeVar("Key", bound=Hashable)
Find = Callable[[list[Key]], dict[Key, int]]


class KnownKeys(Generic[Key]):
    """Key -> number. `complete` says that all that the file has is in memory, so that nothing need be looked up."""

    def __init__(
        self, known: dict[Key, int], find: Find[Key], *, next_kid: int, complete: bool, kept: int = KEPT
    ) -> None:
        self._known, self._find, self._next, self._complete, self._kept = known, find, next_kid, complete, kept
        self.added: list[tuple[Key, int]] = []
        """New ones of this batch, to be stored with it."""

    def prepare(self, keys: Iterable[Key]) -> None:
        """Reads from the file what is wanted and not in memory."""
        if self._complete:
            return
        missing = list({key for key in keys if key not in self._known})
        if missing:
            self._known.update(self._find(missing))

    def get(self, key: Key) -> int | None:
        return self._known.get(key)

    def kid(self, key: Key) -> int:
        """The number of a key that was prepared for, a new one where it has none."""
        kid = self._known.get(key)
        if kid is None:
            kid = self._next
            self._next += 1
            self.put(key, kid)
        return kid

    def put(self, key: Key, kid: int) -> None:
        if key not in self._known:
            self._known[key] = kid
            self.added.append((key, kid))

    def batch_done(self) -> None:
        self.added.clear()
        if len(self._known) > self._kept:
            self._complete = False
            for key in list(islice(self._known, len(self._known) - self._kept // 2)):
                del self._known[key]


class Labels:
    """What keys are called now; a change is a new row. One that was forgotten is written again, which is harmless."""

    def __init__(self, known: dict[int, tuple[str, str]]) -> None:
        self._known = known
        self.added: list[Label] = []

    def call(self, label: Label) -> None:
        if self._known.get(label.kid) != label[2:]:
            self._known[label.kid] = (label.first, label.second)
            self.added.append(label)

    def batch_done(self) -> None:
        self.added.clear()
        for kid in list(islice(self._known, max(0, len(self._known) - KEPT))):
            del self._known[kid]


class Names(NamedTuple):
    """All names of the file, by kind."""

    workflows: KnownKeys[WorkflowName]
    jobs: KnownKeys[JobName]
    steps: KnownKeys[StepName]
    commands: KnownKeys[str]
    fingerprints: KnownKeys[str]
    commits: KnownKeys[OfRepository]
    refs: KnownKeys[OfRepository]
    workflow_labels: Labels
    job_labels: Labels


class Keys:
    """All names of the file, and the workflow of every run."""

    def __init__(self, runs: KnownKeys[int], names: Names) -> None:
        self._runs, self.names = runs, names
        self.said: dict[str, str] = {}
        """Of this batch's fingerprints the lines that they are made of."""

    def resolve(self, facts: list[Fact]) -> dict[int, Kids]:
        """The keys of each fact that has any, by the fact's place in the list. The plans come first: a run's plan is
        before all else of that run in the log.
        """
        kids: dict[int, Kids] = {}
        self._plans(facts, kids)
        of_jobs = [
            (place, fact)
            for place, fact in enumerate(facts)
            if isinstance(fact, JobFact | AttemptFact | StepFact | TimeoutFact | RecognitionFact)
        ]
        self._runs.prepare(fact.run_id for _, fact in of_jobs)
        names = [(self._workflow_of(fact.run_id), fact.job) for _, fact in of_jobs]
        self.names.jobs.prepare(names)
        steps: list[tuple[int, int, StepFact]] = []
        for (place, fact), name in zip(of_jobs, names, strict=True):
            kid = self.names.jobs.kid(name)
            if isinstance(fact, StepFact):
                steps.append((place, kid, fact))
                continue
            kids[place] = (kid,)
            if isinstance(fact, JobFact) and fact.name:
                self.names.job_labels.call(Label(kid, fact.seq, fact.job_id, fact.name))
        self._steps(steps, kids)
        return kids

    def _steps(self, steps: list[tuple[int, int, StepFact]], kids: dict[int, Kids]) -> None:
        names = self.names
        names.steps.prepare((job, fact.name) for _, job, fact in steps)
        names.commands.prepare(fact.command for _, _, fact in steps)
        names.fingerprints.prepare(fact.fingerprint for _, _, fact in steps if fact.fingerprint)
        for place, job, fact in steps:
            command = names.commands.kid(fact.command) if fact.command else NOTHING
            fingerprint = NOTHING
            if fact.fingerprint:
                fingerprint = names.fingerprints.kid(fact.fingerprint)
                self.said.setdefault(fact.fingerprint, fact.said)
            kids[place] = (names.steps.kid((job, fact.name)), command, fingerprint)

    def _plans(self, facts: list[Fact], kids: dict[int, Kids]) -> None:
        plans = [(place, fact) for place, fact in enumerate(facts) if isinstance(fact, PlanFact)]
        names = self.names
        names.workflows.prepare((fact.repository_id, fact.path) for _, fact in plans)
        names.commits.prepare((fact.repository_id, fact.sha) for _, fact in plans)
        names.refs.prepare((fact.repository_id, fact.ref) for _, fact in plans)
        for place, fact in plans:
            workflow = names.workflows.kid((fact.repository_id, fact.path))
            names.workflow_labels.call(Label(workflow, fact.seq, fact.repository, fact.workflow))
            self._runs.put(fact.run_id, workflow)
            commit = names.commits.kid((fact.repository_id, fact.sha))
            kids[place] = (workflow, commit, names.refs.kid((fact.repository_id, fact.ref)))

    def _workflow_of(self, run_id: int) -> int:
        kid = self._runs.get(run_id)
        return UNKNOWN_WORKFLOW if kid is None else kid

    def batch_done(self) -> None:
        """The batch is stored: what was new is known now."""
        self.said.clear()
        self._runs.batch_done()
        for known in self.names:
            known.batch_done()
