"""What wants an event: its commit looked up where it names none, fetched, and its workflow files asked.

Between `meaning` (pure) and `intake` (what is stored): this module reads repositories and writes nothing.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import msgspec
from msgspec.structs import replace

from libs.contracts.intake import DeliveryIgnored, WorkflowUnmatched
from libs.repositories import WORKFLOWS_FOLDER, Repositories, RepositoryCommit
from libs.sources import SourceError
from libs.workflow.lockfiles import lockfiles_among
from libs.workflow.triggers import skip_instruction
from services.parser.examine import Changes, Findings, examine
from services.parser.files import Readings
from services.parser.meaning import DEFAULT_BRANCH, Relevant, default_ref


@dataclass(frozen=True, slots=True)
class Found:
    """`relevant` has its commit and ref now."""

    relevant: Relevant
    findings: Findings


async def find(
    given: Relevant, repositories: Repositories, readings: Readings, seconds: float
) -> Found | DeliveryIgnored:
    """Raises SourceMissing, SourceRefused where the commit cannot be had."""
    placed = await _placed(given, repositories, seconds)
    name, repository = placed.trigger.name, placed.repository.full_name
    commit = await repositories.commit(placed.repository, placed.sha, placed.hints, seconds)
    relevant = placed if placed.message_known else await _with_message(placed, commit)
    skipped = skip_instruction(relevant.trigger.message)
    if skipped is not None:
        return DeliveryIgnored(name, f"the commit message says `{skipped}`", repository)
    files = await commit.workflows()
    if relevant.only:
        files = [file for file in files if file.path == relevant.only]
    if not files:
        there = relevant.only or f"workflow in {WORKFLOWS_FOLDER}"
        return DeliveryIgnored(name, f"{repository} has no {there} at {relevant.sha}", repository)
    changes = _changes(relevant, commit, repositories, seconds)
    findings = await examine(files, relevant, changes, readings)
    if findings.matched:
        relevant = replace(relevant, lockfiles=lockfiles_among(await commit.root_files()))
    return Found(relevant, findings)


async def find_besides(given: Relevant, repositories: Repositories, readings: Readings, seconds: float) -> Found | None:
    """What the event means under its other name. Only files that listen to that are spoken of: the others had their
    say, at their own commit. Where the commit cannot be had, that is said, and hinders nobody.
    """
    try:
        async with asyncio.timeout(seconds):
            found = await find(given, repositories, readings, seconds)
    except (SourceError, TimeoutError) as error:
        reason = str(error) or f"the default branch was not read within {seconds:.0f} s"
        why = f"whether a workflow listens to `{given.trigger.name}` could not be seen: {reason}"
        return Found(given, Findings(unmatched=[WorkflowUnmatched(WORKFLOWS_FOLDER, why)]))
    if isinstance(found, DeliveryIgnored):
        return None
    findings = found.findings
    listening = [each for each in findings.unmatched if each.path not in findings.deaf]
    return Found(found.relevant, Findings(matched=findings.matched, unmatched=listening))


async def _placed(given: Relevant, repositories: Repositories, seconds: float) -> Relevant:
    """1. Everything is known. 2. Only the ref's full name is not: a guess will do. 3. The newest commit of a ref."""
    if not given.at:
        return given
    repository = given.repository
    at = default_ref(repository) if given.at == DEFAULT_BRANCH else given.at
    try:
        resolved = await repositories.resolve(repository, at, seconds)
    except SourceError:
        if not given.sha:
            raise
        return replace(given, ref=at if at.startswith("refs/") else f"refs/heads/{at}")
    ref = resolved.ref or (at if at.startswith("refs/") else "")
    return replace(given, sha=given.sha or resolved.sha, ref=ref, hints=(ref,) if ref else ())


async def _with_message(relevant: Relevant, commit: RepositoryCommit) -> Relevant:
    return replace(relevant, trigger=msgspec.structs.replace(relevant.trigger, message=await commit.message()))


def _changes(relevant: Relevant, commit: RepositoryCommit, repositories: Repositories, seconds: float) -> Changes:
    """The changes are of the commit that runs, or, where the base's code runs, of the pull request's head."""

    async def ask() -> tuple[str, ...] | None:
        if relevant.base is None:
            return None
        if not relevant.compared or relevant.compared == relevant.sha:
            return await commit.changed_paths(relevant.base)
        hints = (f"refs/pull/{relevant.pull_request}/head",)
        try:
            head = await repositories.commit(relevant.repository, relevant.compared, hints, seconds)
        except SourceError:
            return None
        return await head.changed_paths(relevant.base)

    return ask
