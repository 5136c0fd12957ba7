"""One intake from its meaning to its terminal event: find what wants the event, number, plan. The order of what is
written is `journal.py`'s; this module knows no messages and no git.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from msgspec.structs import replace

from libs.contracts import subjects
from libs.contracts.ids import RunId, run_id_of
from libs.contracts.intake import DeliveryIgnored, IntakeFailed, RunsPlanned, WorkflowUnmatched
from libs.contracts.plan import Plan
from libs.repositories import Repositories
from libs.sources import SourceError
from libs.vault.scopes import BadEntry
from libs.vault.variables import Variables
from libs.workflow.expressions import Value
from libs.workflow.model import Workflow
from libs.workflow.planning import Occasion, RunNameError, make_plan
from libs.workflow.problems import Problem
from services.parser.called import Calls, Origin, find_called
from services.parser.context import Addresses, github_context
from services.parser.declarations import Declarations
from services.parser.dispatch import Refused, start
from services.parser.examine import Findings, rejection
from services.parser.files import Readings
from services.parser.finding import Found, find, find_besides
from services.parser.journal import Journal, Terminal
from services.parser.meaning import Dispatched, Gone, Irrelevant, Meaning, Relevant, Tried, Unusable
from services.parser.numbers import Numbers

INTAKE_SECONDS = 30.0
"""From a delivery in hand to its terminal event; nobody waits longer to hear that a repository cannot be reached."""
BESIDES_SECONDS = 10.0
"""For what an event means under its other name: it is not to cost the runs that it means first their end."""
FETCH_SECONDS = 25.0
"""The part of it that a fetch may take; the rest is for reading and storing."""

Wanted = tuple[Workflow, Calls]
"""A workflow that is to run, with what it calls."""
Adjust = Callable[[Plan], Plan]
"""What a local run does to a plan before it is stored: one job of it, other labels."""


@dataclass(frozen=True)
class Intake:
    """`vars` is the context of that name. Without `declarations` nothing is waited for: a local run has no clock."""

    repositories: Repositories
    numbers: Numbers
    where: Addresses
    vars: dict[str, str] = field(default_factory=dict[str, str])
    adjust: Adjust = lambda plan: plan
    readings: Readings = field(default_factory=Readings)
    declarations: Declarations | None = None
    variables: Variables | None = None
    """What was set for repositories; a local run has `vars` alone."""

    async def take(self, name: str, meaning: Meaning, journal: Journal) -> Terminal:
        """Writes everything, the terminal event last, which is the answer. Raises Ended, BusDown.

        Of what is stored before an end by error, the runs stay: they are what the event asked for.
        """
        try:
            async with asyncio.timeout(INTAKE_SECONDS):
                end = await self._take(name, meaning, journal)
        except TimeoutError:
            why = f"no plan within {INTAKE_SECONDS:.0f} s: the repository is too slow or too large: push again"
            end = IntakeFailed(name, why, _repository_of(meaning))
        except (SourceError, BadEntry) as error:
            end = IntakeFailed(name, str(error), _repository_of(meaning))
        await journal.end(end)
        return end

    async def _take(self, name: str, meaning: Meaning, journal: Journal) -> Terminal:
        match meaning:
            case Irrelevant(why, repository):
                return DeliveryIgnored(name, why, repository)
            case Gone(why, repository):
                if self.declarations is not None:
                    await self.declarations.forget(repository, journal.origin)
                return DeliveryIgnored(name, why, repository.full_name)
            case Unusable(why, repository):
                return IntakeFailed(name, why, repository)
            case Relevant():
                return await self._relevant(meaning, journal)
            case Dispatched():
                return await self._dispatched(meaning, journal)
            case Tried(plan):
                return await self._tried(plan, journal)

    async def _relevant(self, given: Relevant, journal: Journal) -> Terminal:
        """First what the event is called by, so that nothing else holds its runs up."""
        found = await find(given, self.repositories, self.readings, FETCH_SECONDS)
        end = found if isinstance(found, DeliveryIgnored) else await self._plan_all(found, journal)
        if given.also is not None:
            end = await self._besides(given.also, end, journal)
        if self.declarations is not None:
            await self.declarations.note(given, self.repositories, self.readings, journal.origin, FETCH_SECONDS)
        return end

    async def _besides(
        self, also: Relevant, end: DeliveryIgnored | RunsPlanned, journal: Journal
    ) -> DeliveryIgnored | RunsPlanned:
        """Adds what the event means under its other name. A file with a run already has its second under a longer
        key; one that cannot be planned says so among the unmatched.
        """
        found = await find_besides(also, self.repositories, self.readings, BESIDES_SECONDS)
        if found is None:
            return end
        found = await self._with_vars(found)
        event, runs = also.trigger.name, dict(end.runs) if isinstance(end, RunsPlanned) else {}
        for workflow, calls in await self._ready(found, {}):
            key = f"{workflow.file} ({event})" if workflow.file in runs else workflow.file
            runs[key] = await self._run(found.relevant, (workflow, calls), key, {}, journal)
        refused = [WorkflowUnmatched(each.path, each.problems[0].message) for each in found.findings.rejected]
        unmatched = (*found.findings.unmatched, *refused)
        if isinstance(end, RunsPlanned):
            return replace(end, runs=runs, unmatched=(*end.unmatched, *unmatched))
        return RunsPlanned(end.repository, found.relevant.sha, event, runs, unmatched) if runs else end

    async def _dispatched(self, dispatched: Dispatched, journal: Journal) -> Terminal:
        started = await start(dispatched, self.repositories, self.readings, FETCH_SECONDS)
        if isinstance(started, IntakeFailed):
            return started
        if isinstance(started, Refused):
            rejected = started.rejected
            await journal.reject([rejected], {rejected.path: started.source})
            return IntakeFailed("workflow_dispatch", f"{rejected.path} has errors", rejected.repository)
        found = Found(started.relevant, Findings(matched=[started.workflow]))
        return await self._plan_all(found, journal, dict(started.inputs))

    async def _tried(self, plan: Plan, journal: Journal) -> Terminal:
        """A trial takes none of the workflow's numbers: it is no run of it."""
        run_id = run_id_of(journal.origin.cause, plan.workflow_path)
        github = {**plan.github, "run_id": str(run_id), "run_number": "0"}
        await journal.plan(self.adjust(replace(plan, run_id=run_id, run_number=0, github=github)))
        return RunsPlanned(plan.repository.full_name, plan.sha, plan.event, {plan.workflow_path: run_id})

    async def _plan_all(self, found: Found, journal: Journal, inputs: dict[str, Value] | None = None) -> RunsPlanned:
        """All names are tried before anything is stored: what is rejected is written first, and once."""
        found = await self._with_vars(found)
        inputs, findings = inputs or {}, found.findings
        ready = await self._ready(found, inputs)
        await journal.reject(findings.rejected, findings.sources)
        runs: dict[str, RunId] = {}
        for wanted in ready:
            key = wanted[0].file
            runs[key] = await self._run(found.relevant, wanted, key, inputs, journal)
        return RunsPlanned(
            repository=found.relevant.repository.full_name,
            sha=found.relevant.sha,
            event=found.relevant.trigger.name,
            runs=runs,
            unmatched=tuple(findings.unmatched),
            rejected=tuple(each.path for each in findings.rejected),
        )

    async def _with_vars(self, found: Found) -> Found:
        """What was set by now: it stays so for the run. Raises BadEntry, BusDown."""
        if self.variables is None:
            return found
        repository = found.relevant.repository
        vars = await self.variables.of_run(repository.owner, repository.id)
        return Found(replace(found.relevant, vars=vars), found.findings)

    async def _run(
        self, relevant: Relevant, wanted: Wanted, key: str, inputs: dict[str, Value], journal: Journal
    ) -> RunId:
        workflow = wanted[0]
        run_id = run_id_of(journal.origin.cause, key)
        subject = subjects.workflow(relevant.repository.id, workflow.file)
        number = await self.numbers.number(subject, run_id, workflow.file, journal.origin)
        await journal.plan(self._plan(relevant, wanted, (run_id, number), inputs))
        return run_id

    async def _ready(self, found: Found, inputs: dict[str, Value]) -> list[Wanted]:
        """The workflows that have a name and can make their calls; the others are rejected."""
        ready: list[Wanted] = []
        for workflow in found.findings.matched:
            if not self._has_name(found.relevant, workflow, inputs, found.findings):
                continue
            calls = await self._calls(found.relevant, workflow)
            if isinstance(calls, Calls):
                ready.append((workflow, calls))
            else:
                found.findings.rejected.append(rejection(found.relevant, workflow.file, calls))
        return ready

    async def _calls(self, relevant: Relevant, workflow: Workflow) -> Calls | tuple[Problem, ...]:
        if all(job.uses is None for job in workflow.jobs):
            return Calls()
        commit = await self.repositories.commit(relevant.repository, relevant.sha, relevant.hints, FETCH_SECONDS)
        origin = Origin(relevant.repository, commit, relevant.ref, self.where.server)
        return await find_called(workflow, origin, self.repositories, self.readings, FETCH_SECONDS)

    def _has_name(self, relevant: Relevant, workflow: Workflow, inputs: dict[str, Value], found: Findings) -> bool:
        """A `run-name` that cannot be evaluated rejects the file before a number is given away."""
        if workflow.run_name is None:
            return True
        try:
            self._plan(relevant, (workflow, Calls()), (RunId(1), 1), inputs)
        except RunNameError as error:
            found.rejected.append(rejection(relevant, workflow.file, (error.problem,)))
            return False
        return True

    def _plan(self, relevant: Relevant, wanted: Wanted, identity: tuple[RunId, int], inputs: dict[str, Value]) -> Plan:
        run_id, number = identity
        workflow, calls = wanted
        occasion = Occasion(
            run_id=run_id,
            run_number=number,
            repository=relevant.repository,
            event=relevant.trigger.name,
            sha=relevant.sha,
            ref=relevant.ref,
            trust=relevant.trust,
            actor=relevant.actor.login,
            github=github_context(relevant, workflow, run_id, number, self.where),
            title=relevant.title,
            inputs=inputs,
            vars={**self.vars, **relevant.vars},
            pull_request=relevant.pull_request,
            chain=relevant.chain,
            lockfiles=relevant.lockfiles,
        )
        return self.adjust(make_plan(workflow, occasion, calls.targets, calls.called))


def _repository_of(meaning: Meaning) -> str:
    return meaning.repository if isinstance(meaning, Irrelevant | Unusable) else meaning.repository.full_name
