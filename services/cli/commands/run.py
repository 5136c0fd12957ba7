"""`firebreak run`: a directory's workflows, now, in this process."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import click
import msgspec

from libs.contracts.commands import TriggerWorkflow
from libs.contracts.ids import CommandId, DeliveryGuid, RepositoryId, RunId
from libs.contracts.plan import JsonObject, Plan
from libs.contracts.results import Result
from libs.github.directory import Directory, open_directory
from libs.process import Process
from libs.repositories import WORKFLOWS_FOLDER
from libs.settings import DRIVERS, DriverName, read_settings
from libs.telemetry import log
from libs.views.run import RunView
from libs.workflow.reading.workflow import read_workflow
from services.cli import outcome, words
from services.cli.local import options
from services.cli.local.adjusting import Choice
from services.cli.local.occasion import LOCAL_REPOSITORY_ID, Occasion, occasion, read_payload
from services.cli.local.outcomes import Outcome, gather
from services.cli.local.system import Local, deliver, parsing, running, trigger
from services.cli.local.telling import print_events, print_problems, print_verdict
from services.cli.logs import Printer, following, stopped
from services.cli.outcome import Usage
from services.cli.reading import find_run
from services.cli.watching import finished_run

file = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("directory", default=".", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("-W", "--workflow", type=click.Path(path_type=Path), help="A file, or a folder of them, below DIRECTORY.")
@click.option("-e", "--event", default="push", show_default=True, help="Any event that `on` may name.")
@click.option("--payload", type=file, help="The event as GitHub sends it, JSON; gaps are filled.")
@click.option("-j", "--job", "jobs", multiple=True, help="Only this job, and what it needs; may be given again.")
@click.option("--matrix", multiple=True, metavar="K:V", help="Of combinations with the key only these.")
@click.option(
    "-s", "--secret", "secrets", multiple=True, metavar="K", help="A secret; its value may be the environment's."
)
@click.option("--secret-file", type=file, help="Secrets as NAME=VALUE lines.")
@click.option("--var", "variables", multiple=True, metavar="K=V", help="A value of the vars context.")
@click.option("--var-file", type=file, help="The vars context as NAME=VALUE lines.")
@click.option("--env", "environment", multiple=True, metavar="K=V", help="For the steps, and the env context.")
@click.option("--env-file", type=file, help="The same as NAME=VALUE lines.")
@click.option("--input", "inputs", multiple=True, metavar="K=V", help="An input of workflow_dispatch.")
@click.option("--driver", type=click.Choice(DRIVERS), default="host", show_default=True, help="How jobs are isolated.")
@click.option("--actions-from", type=click.Path(path_type=Path), help="Clones of the repositories that `uses` names.")
@click.option("--label", "labels", multiple=True, help="Offer this label too.")
@click.option("-n", "--dry-run", "dry", is_flag=True, help="Say what would run, and run nothing.")
@click.option("--json", "as_json", is_flag=True, help="Events as NDJSON; with -n one object a workflow.")
def command(
    *,
    directory: Path,
    workflow: Path | None,
    event: str,
    payload: Path | None,
    jobs: tuple[str, ...],
    matrix: tuple[str, ...],
    secrets: tuple[str, ...],
    secret_file: Path | None,
    variables: tuple[str, ...],
    var_file: Path | None,
    environment: tuple[str, ...],
    env_file: Path | None,
    inputs: tuple[str, ...],
    driver: DriverName,
    actions_from: Path | None,
    labels: tuple[str, ...],
    dry: bool,
    as_json: bool,
) -> int:
    """Runs the workflows of DIRECTORY now: the same parser, scheduler and agent as everywhere, in this process.

    Files are taken as they lie there, uncommitted changes included, unless the payload names a commit. Step output is
    on standard output, what happens on standard error. Exits 0 when all succeeded, 1 when something failed, 2 when a
    workflow is invalid or nothing was to be run. The `host` driver isolates nothing.

    \b
    Example:
      firebreak run . -j test --matrix version:3.12 --secret TOKEN
    """
    if actions_from is not None and not actions_from.is_dir():
        raise Usage(f"--actions-from {actions_from}: there is no such folder; it holds clones at OWNER/REPOSITORY")
    given = read_payload(payload)
    place = _place(directory, workflow)
    local_options = Local(
        directory=open_directory(directory.resolve(), (place,)),
        choice=Choice(
            jobs=jobs,
            matrix=options.matrix_filter(matrix),
            env=options.pairs_of_file("--env-file", env_file) | options.pairs("--env", environment),
        ),
        driver=driver,
        labels=labels,
        vars=options.pairs_of_file("--var-file", var_file) | options.pairs("--var", variables),
        secrets=options.secrets(secrets, secret_file, os.environ),
        actions_from=None if actions_from is None else actions_from.resolve(),
    )
    pairs = options.pairs("--input", inputs)
    return asyncio.run(_run(local_options, event, given, pairs, dry=dry, as_json=as_json))


async def _run(
    local: Local, event: str, given: Mapping[str, object], inputs: Mapping[str, str], *, dry: bool, as_json: bool
) -> int:
    log.configure("text", least="warning")
    _end_alike()
    directory = local.directory
    try:
        head = await directory.head()
        made = occasion(event, given, head, _full_name(directory))
        local = replace(local, directory=replace(directory, as_it_lies=not made.names_commit))
        opened = parsing if dry else running
        async with opened(local, read_settings()) as process:
            if dry:
                return await _tell_plan(process, await _planned(process, local, made, inputs), as_json=as_json)
            return await _follow(process, local, made, inputs, as_json=as_json)
    finally:
        await directory.close()


def _end_alike() -> None:
    """SIGTERM and SIGHUP end a local run as Ctrl-C does: by default they would leave the jobs' processes behind."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        # What runs under `nohup` ignores SIGHUP, and goes on doing so.
        if signal.getsignal(number) is signal.SIG_DFL:
            asyncio.get_running_loop().add_signal_handler(number, signal.raise_signal, signal.SIGINT)


async def _follow(process: Process, local: Local, made: Occasion, inputs: Mapping[str, str], *, as_json: bool) -> int:
    """Shows every run until all are over."""
    events = asyncio.create_task(print_events(process.bus)) if as_json else None
    try:
        found = await _planned(process, local, made, inputs)
        print_problems(found.problems)
        for path, why in found.unmatched.items():
            click.echo(f"{path} does not run: {why}", err=True)
        await _say_unprotected(process, found)
        prefix = len(found.runs) > 1 or await _has_several_jobs(process, found)
        shown = None if as_json else Printer(prefix=prefix)
        views = await asyncio.gather(*(_one(process, run_id, shown) for run_id in found.runs.values()))
        if events is not None:
            await asyncio.sleep(0)
    finally:
        if events is not None:
            await stopped(events)
    for view in views:
        print_verdict(view)
    return _code(found, [view.conclusion for view in views], local.choice.jobs)


async def _one(process: Process, run_id: RunId, shown: Printer | None) -> RunView:
    if shown is None:
        return await finished_run(process.bus, run_id)
    async with following(process.bus, run_id, shown):
        return await finished_run(process.bus, run_id)


def _code(found: Outcome, conclusions: Sequence[Result | None], jobs: tuple[str, ...]) -> int:
    if found.problems:
        return outcome.USAGE
    if not found.runs:
        click.echo(f"Nothing to run: {found.why or 'no workflow wants this event'}", err=True)
        return outcome.USAGE
    return outcome.OK if all(each in ("success", "skip") for each in conclusions) else outcome.RUN_FAILED


async def _planned(process: Process, local: Local, made: Occasion, inputs: Mapping[str, str]) -> Outcome:
    """Hands the event to the parser and waits for what it makes of it. Raises Usage."""
    found = Outcome()
    if made.event == "workflow_dispatch":
        await _dispatch(process, local, made, inputs, found)
    elif inputs:
        raise Usage("--input belongs to --event workflow_dispatch")
    else:
        guid = DeliveryGuid(str(uuid.uuid4()))
        await deliver(process, guid, made.event, made.payload)
        await gather(process.bus, guid, found)
    await _check_jobs(process, found, local.choice.jobs)
    return found


async def _dispatch(process: Process, local: Local, made: Occasion, inputs: Mapping[str, str], found: Outcome) -> None:
    """Each file that can be started by hand is; one with errors is handed over too, for its errors."""
    given = made.payload.get("inputs")
    merged: JsonObject = {**(given if isinstance(given, dict) else {}), **inputs}
    repository = cast(JsonObject, made.payload["repository"])
    for each in local.directory.tree.workflows(local.directory.places):
        read = read_workflow(each.path, each.content).workflow
        if read is not None and read.on.workflow_dispatch is None:
            found.unmatched[each.path] = "its `on` has no workflow_dispatch"
            continue
        trigger_command = TriggerWorkflow(
            id=CommandId(str(uuid.uuid4())),
            repository_id=RepositoryId(LOCAL_REPOSITORY_ID),
            repository=str(repository["full_name"]),
            workflow=each.path,
            ref=str(made.payload.get("ref", "")),
            inputs=merged,
            by=str(cast(JsonObject, made.payload["sender"]).get("login", "")),
        )
        await trigger(process, trigger_command)
        one = Outcome()
        await gather(process.bus, trigger_command.id, one)
        if one.why and not one.problems:
            raise Usage(f"{each.path}: {one.why}")
        found.runs |= one.runs
        found.problems += one.problems


async def _check_jobs(process: Process, found: Outcome, jobs: tuple[str, ...]) -> None:
    """Raises Usage for a job that no workflow has."""
    if not jobs or not found.runs:
        return
    planned = {job.id for plan in await _plans(process, found) for job in plan.jobs}
    missing = [job for job in jobs if job not in planned]
    if missing:
        raise Usage(f"--job {missing[0]}: no workflow that runs has such a job")


async def _has_several_jobs(process: Process, found: Outcome) -> bool:
    plans = await _plans(process, found)
    return any(len(plan.jobs) > 1 or any(job.strategy or job.uses for job in plan.jobs) for plan in plans)


async def _say_unprotected(process: Process, found: Outcome) -> None:
    """Once: a rehearsal of a deployment should surprise nobody."""
    plans = await _plans(process, found)
    called = [job for plan in plans for each in plan.called.values() for job in each.jobs]
    if any(job.environment is not None for job in (*called, *(job for plan in plans for job in plan.jobs))):
        click.echo(
            "environments are not protected in a local run: no reviewer, no wait, no branch is asked for", err=True
        )


async def _plans(process: Process, found: Outcome) -> list[Plan]:
    views = [await find_run(process.bus, process.blobs, run_id) for run_id in found.runs.values()]
    return [view.plan for view in views if view is not None and view.plan is not None]


async def _tell_plan(process: Process, found: Outcome, *, as_json: bool) -> int:
    """What would run, a line a workflow."""
    rows = [
        {"workflow": plan.workflow_path, "matched": True, "reason": "", "jobs": [job.id for job in plan.jobs]}
        for plan in await _plans(process, found)
    ]
    rows += [{"workflow": path, "matched": False, "reason": why, "jobs": []} for path, why in found.unmatched.items()]
    for path in dict.fromkeys(problem.file for problem in found.problems):
        first = next(problem for problem in found.problems if problem.file == path)
        why = f"{first.line}:{first.column}: {first.message}"
        rows.append({"workflow": path, "matched": False, "reason": why, "jobs": []})
    for row in sorted(rows, key=lambda row: str(row["workflow"])):
        if as_json:
            click.echo(msgspec.json.encode(row).decode())
        else:
            verdict = f"runs {row['jobs']}" if row["matched"] else f"does not run: {row['reason']}"
            click.echo(words.plain(f"{row['workflow']}  {verdict}"))
    print_problems(found.problems)
    if not rows:
        click.echo(f"Nothing to run: {found.why}", err=True)
    return outcome.USAGE if found.problems else outcome.OK


def _place(directory: Path, workflow: Path | None) -> str:
    """Where the workflows are, relative to the directory. Raises Usage."""
    if workflow is None:
        return WORKFLOWS_FOLDER
    root = directory.resolve()
    for candidate in (root / workflow, Path.cwd() / workflow):
        if candidate.exists() and candidate.resolve().is_relative_to(root):
            return str(candidate.resolve().relative_to(root))
    raise Usage(f"--workflow {workflow}: there is no such file or folder below {directory}")


def _full_name(directory: Directory) -> str:
    """A name for the repository: `local/` and the folder's, with what no name may hold left out."""
    name = re.sub(r"[^A-Za-z0-9._-]", "-", directory.tree.path.name).strip(".") or "directory"
    return f"local/{name}"
