"""One commit's workflow files against one event: which are wrong, which want it, which do not and why."""

from __future__ import annotations

import posixpath
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import msgspec

from libs.contracts.intake import Problem as ContractProblem
from libs.contracts.intake import WorkflowRejected, WorkflowUnmatched
from libs.repositories import WorkflowFile
from libs.workflow.model import Workflow
from libs.workflow.problems import Problem
from libs.workflow.triggers import NotMatched, match, needs_changed_paths
from services.parser.files import Readings
from services.parser.meaning import Relevant

Changes = Callable[[], Awaitable[tuple[str, ...] | None]]
"""Asks which paths changed; see `RepositoryCommit.changed_paths`."""


@dataclass
class Findings:
    """`deaf` are the files whose `on` does not even name the event; they are among the unmatched too. `sources` holds
    every file that could be read, by path."""

    rejected: list[WorkflowRejected] = field(default_factory=list[WorkflowRejected])
    matched: list[Workflow] = field(default_factory=list[Workflow])
    unmatched: list[WorkflowUnmatched] = field(default_factory=list[WorkflowUnmatched])
    deaf: set[str] = field(default_factory=set[str])
    sources: dict[str, bytes] = field(default_factory=dict[str, bytes])


async def examine(files: list[WorkflowFile], relevant: Relevant, changes: Changes, readings: Readings) -> Findings:
    """`relevant.trigger` holds everything but the changed paths, which are asked for where some workflow needs them."""
    found = Findings()
    workflows = await _read(files, relevant, readings, found)
    event = relevant.trigger
    if any(needs_changed_paths(workflow.on, event) for workflow in workflows):
        event = msgspec.structs.replace(event, changed_paths=await changes())
    for workflow in workflows:
        verdict = match(workflow.on, event)
        if isinstance(verdict, NotMatched):
            found.unmatched.append(WorkflowUnmatched(workflow.file, verdict.reason))
            if verdict.deaf:
                found.deaf.add(workflow.file)
        else:
            found.matched.append(workflow)
    return found


async def _read(files: list[WorkflowFile], relevant: Relevant, readings: Readings, found: Findings) -> list[Workflow]:
    workflows: list[Workflow] = []
    for file in files:
        reading = await readings.read(file)
        found.sources[file.path] = file.content
        if reading.workflow is None:
            found.rejected.append(rejection(relevant, file.path, reading.problems))
        else:
            workflows.append(reading.workflow)
    return workflows


def rejection(relevant: Relevant, path: str, problems: tuple[Problem, ...]) -> WorkflowRejected:
    """Warnings are left out: they reject nothing."""
    return WorkflowRejected(
        repository=relevant.repository.full_name,
        sha=relevant.sha,
        path=path,
        problems=tuple(
            ContractProblem(problem.file, problem.line, problem.column, problem.message)
            for problem in problems
            if problem.severity == "error"
        ),
        repository_id=relevant.repository.id,
        trust=relevant.trust,
    )


def named(files: list[WorkflowFile], name: str) -> WorkflowFile | None:
    """The file of this path, or of this base name."""
    wanted = posixpath.normpath(name)
    return next((file for file in files if wanted in (file.path, posixpath.basename(file.path))), None)
