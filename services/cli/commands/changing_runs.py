"""`firebreak runs start`, `cancel` and `rerun`: each sends a command and waits for the event that answers it."""

from __future__ import annotations

import uuid

import click
import msgspec

from libs.contracts import subjects
from libs.contracts.commands import CancelRun, RerunRun, TriggerWorkflow
from libs.contracts.envelope import encode
from libs.contracts.ids import CommandId, RepositoryId, RunId
from libs.contracts.intake import IntakeEvent, IntakeFailed, RunsPlanned, WorkflowRejected
from libs.contracts.run import CommandRejected, RunCancelRequested, RunRerun
from services.cli.asking import answer
from services.cli.commands.why import chosen_jobs
from services.cli.connection import Connection, connected, coroutine
from services.cli.outcome import NotAllowed, Usage
from services.cli.reading import newest_runs, parse_run_id, run_view

SEARCHED_RUNS = 1000
"""Among so many of the newest runs a repository's id is looked for."""

_intake = msgspec.json.Decoder(IntakeEvent)
_answers = msgspec.json.Decoder(CommandRejected | RunCancelRequested | RunRerun)


@click.command()
@click.argument("repository")
@click.argument("workflow")
@click.option("--ref", default="", help="A branch, a tag or a full ref.  [default: the default branch]")
@click.option("-i", "--input", "inputs", multiple=True, metavar="K=V", help="An input of workflow_dispatch.")
@click.option("--json", "as_json", is_flag=True, help="JSON on standard output.")
@coroutine
async def start(*, repository: str, workflow: str, ref: str, inputs: tuple[str, ...], as_json: bool) -> None:
    """Starts WORKFLOW (a file of .github/workflows) of REPOSITORY (OWNER/NAME) by workflow_dispatch.

    The repository must have run here before, or be a clone below REPOSITORY_PATH.

    Example: firebreak runs start octo/hello deploy.yml --ref main --input target=staging
    """
    if repository.count("/") != 1:
        raise Usage(f"{repository!r}: expected OWNER/NAME")
    pairs = dict(_pair(text) for text in inputs)
    async with connected() as connection:
        repository_id, clone_url = await _known_repository(connection, repository)
        command = TriggerWorkflow(
            id=CommandId(str(uuid.uuid4())),
            repository_id=repository_id,
            repository=repository,
            workflow=workflow,
            ref=ref,
            inputs=dict(pairs),
            by="cli",
            clone_url=clone_url,
        )
        subject = subjects.trigger_command(repository_id)
        await connection.bus.enqueue(subject, encode(command), message_id=command.id)
        runs = await answer(connection.bus, subjects.intake(command.id), 0, _intake, _planned_runs)
    if as_json:
        click.echo(msgspec.json.encode({"runs": runs}).decode())
        return
    for path, run_id in runs.items():
        click.echo(f"{run_id}")
        click.echo(f"{path} runs; `firebreak runs watch {run_id}`", err=True)


def _planned_runs(event: IntakeEvent) -> dict[str, RunId] | None:
    if isinstance(event, IntakeFailed):
        raise NotAllowed(event.why)
    if isinstance(event, WorkflowRejected):
        places = [f"{p.file}:{p.line}:{p.column}: {p.message}" for p in event.problems]
        raise Usage("the workflow is invalid:\n" + "\n".join(places))
    return event.runs if isinstance(event, RunsPlanned) else None


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise Usage(f"--input {text!r}: expected NAME=VALUE")
    return name, value


async def _known_repository(connection: Connection, repository: str) -> tuple[RepositoryId, str]:
    """The numeric id and clone URL that an earlier run had; (0, "") for one that never ran here."""
    for view in await newest_runs(connection, SEARCHED_RUNS):
        if view.plan and view.plan.repository.full_name.lower() == repository.lower():
            return view.plan.repository.id, view.plan.repository.clone_url
    return RepositoryId(0), ""


@click.command()
@click.argument("run")
@click.option("--json", "as_json", is_flag=True, help="JSON on standard output.")
@coroutine
async def cancel(*, run: str, as_json: bool) -> None:
    """Cancels RUN: running steps get SIGINT, then SIGTERM, then SIGKILL; always() steps still run.

    Example: firebreak runs cancel 4503599627370496
    """
    run_id = parse_run_id(run)
    async with connected() as connection:
        await run_view(connection, run_id)
        await _send(connection, CancelRun(id=CommandId(str(uuid.uuid4())), run_id=run_id, by="cli"))
    _tell(run_id, f"run {run_id} is being cancelled", as_json=as_json)


@click.command()
@click.argument("run")
@click.option("--failed", is_flag=True, help="Only what did not succeed, and what needs it.")
@click.option("-j", "--job", "jobs", multiple=True, help="Only this job, and what needs it; may be given again.")
@click.option("--json", "as_json", is_flag=True, help="JSON on standard output.")
@coroutine
async def rerun(*, run: str, failed: bool, jobs: tuple[str, ...], as_json: bool) -> None:
    """Runs RUN again at the same commit, as its next run attempt.

    Example: firebreak runs rerun 4503599627370496 --failed
    """
    run_id = parse_run_id(run)
    async with connected() as connection:
        view = await run_view(connection, run_id)
        keys = tuple(job.key for name in jobs for job in chosen_jobs(view, name))
        await _send(
            connection,
            RerunRun(id=CommandId(str(uuid.uuid4())), run_id=run_id, by="cli", failed=failed, jobs=keys),
        )
    _tell(run_id, f"run {run_id} runs again", as_json=as_json)


def _tell(run_id: RunId, said: str, *, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode({"run": run_id}).decode())
    click.echo(f"{said}; `firebreak runs watch {run_id}`", err=True)


async def _send(connection: Connection, command: CancelRun | RerunRun) -> None:
    """Sends a command and waits for the scheduler's event about it. Raises NotAllowed where it was refused."""

    def ours(event: CommandRejected | RunCancelRequested | RunRerun) -> bool | None:
        if event.command != command.id:
            return None
        if isinstance(event, CommandRejected):
            raise NotAllowed(event.why)
        return True

    extent = await connection.bus.extent(subjects.EVENTS)
    await connection.bus.enqueue(subjects.run_command(command.run_id), encode(command), message_id=command.id)
    await answer(connection.bus, subjects.any_run(command.run_id), extent.last, _answers, ours)


COMMANDS = (start, cancel, rerun)
