"""Integer keys for names: a workflow, a job, a step is a small number in every fact, and its name stands once.

Pure but for the look-ups that it is given: what is not in memory may be in the file. Memory is bounded; what was put
out of it is looked up again, a whole batch at once.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from itertools import islice
from typing import Generic, NamedTuple, TypeVar

from services.learner.folding.facts import AttemptFact, Fact, JobFact, PlanFact, StepFact

KEPT = 100_000
"""Names of each kind in memory: some ten megabytes, and more than a year of most installations' names."""
UNKNOWN_WORKFLOW = 0
"""The workflow of a run whose plan is gone from the log (aged out, erased)."""


# Plain tuples: one is made for every fact of a replay, and a named one costs five times as much.
WorkflowName = tuple[int, str]
"""(repository id, path)"""
JobName = tuple[int, str]
"""(workflow key, job's key in its run)"""
StepName = tuple[int, str]
"""(job key, name)"""


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

    def __init__(self, known: dict[Key, int], find: Find[Key], *, next_kid: int, complete: bool) -> None:
        self._known, self._find, self._next, self._complete = known, find, next_kid, complete
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
        if len(self._known) > KEPT:
            self._complete = False
            for key in list(islice(self._known, len(self._known) - KEPT // 2)):
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


class Keys:
    """All names of the file, and the workflow of every run."""

    def __init__(
        self,
        runs: KnownKeys[int],
        workflows: KnownKeys[WorkflowName],
        jobs: KnownKeys[JobName],
        steps: KnownKeys[StepName],
        labels: tuple[Labels, Labels],
    ) -> None:
        self._runs, self.workflows, self.jobs, self.steps = runs, workflows, jobs, steps
        self.workflow_labels, self.job_labels = labels

    def resolve(self, facts: list[Fact]) -> dict[int, int]:
        """The key of each fact that has one, by the fact's place in the list: a plan's workflow, a job's or attempt's
        job, a step's step. The plans come first: a run's plan is before all else of that run in the log.
        """
        kids: dict[int, int] = {}
        self._plans(facts, kids)
        of_jobs = [(i, f) for i, f in enumerate(facts) if isinstance(f, JobFact | AttemptFact | StepFact)]
        self._runs.prepare(fact.run_id for _, fact in of_jobs)
        names = [(self._workflow_of(fact.run_id), fact.job) for _, fact in of_jobs]
        self.jobs.prepare(names)
        steps: list[tuple[int, StepName]] = []
        for (place, fact), name in zip(of_jobs, names, strict=True):
            kid = self.jobs.kid(name)
            kids[place] = kid
            if isinstance(fact, StepFact):
                steps.append((place, (kid, fact.name)))
            elif isinstance(fact, JobFact) and fact.name:
                self.job_labels.call(Label(kid, fact.seq, fact.job_id, fact.name))
        self.steps.prepare(name for _, name in steps)
        kids.update((place, self.steps.kid(name)) for place, name in steps)
        return kids

    def _plans(self, facts: list[Fact], kids: dict[int, int]) -> None:
        plans = [(place, fact) for place, fact in enumerate(facts) if isinstance(fact, PlanFact)]
        self.workflows.prepare((fact.repository_id, fact.path) for _, fact in plans)
        for place, fact in plans:
            kid = self.workflows.kid((fact.repository_id, fact.path))
            self.workflow_labels.call(Label(kid, fact.seq, fact.repository, fact.workflow))
            self._runs.put(fact.run_id, kid)
            kids[place] = kid

    def _workflow_of(self, run_id: int) -> int:
        kid = self._runs.get(run_id)
        return UNKNOWN_WORKFLOW if kid is None else kid

    def batch_done(self) -> None:
        """The batch is stored: what was new is known now."""
        for known in (self._runs, self.workflows, self.jobs, self.steps, self.workflow_labels, self.job_labels):
            known.batch_done()
