"""`firebreak runs start`, `cancel`, `rerun` and `approve`: each sends a command and waits for its answer."""

from __future__ import annotations

import getpass
import uuid
from pathlib import Path

import click
import msgspec

from libs.contracts import subjects
from libs.contracts.commands import ApproveJob, CancelRun, RerunRun, RunCommand, TriggerDispatch, TriggerWorkflow
from libs.contracts.envelope import encode
from libs.contracts.ids import CommandId, JobKey, RunId
from libs.contracts.intake import DeliveryIgnored, IntakeEvent, IntakeFailed, WorkflowRejected
from libs.contracts.run import ApprovalDenied, ApprovalGranted, CommandRejected, RunCancelRequested, RunRerun
from services.cli.asking import answer
from services.cli.commands.why import chosen_jobs
from services.cli.connection import Connection, connected, coroutine
from services.cli.local.occasion import read_payload
from services.cli.outcome import NotAllowed, Usage
from services.cli.reading import parse_run_id, run_view
from services.cli.repositories import known_repository

Answer = CommandRejected | RunCancelRequested | RunRerun | ApprovalGranted | ApprovalDenied
COMMENT_CHARACTERS = 1000
"""A sentence for the log; a message has a bound."""

_intake = msgspec.json.Decoder(IntakeEvent)
_answers = msgspec.json.Decoder(Answer)


@click.command()
@click.argument("repository")
@click.argument("workflow", default="")
@click.option("--ref", default="", help="A branch, a tag or a full ref.  [default: the default branch]")
@click.option("-i", "--input", "inputs", multiple=True, metavar="K=V", help="An input of workflow_dispatch.")
@click.option("--event-type", default="", help="Start what listens to repository_dispatch with this type instead.")
@click.option("--payload", type=click.Path(path_type=Path, dir_okay=False), help="Its client_payload, a JSON object.")
@click.option("--json", "as_json", is_flag=True, help="JSON on standard output.")
@coroutine
async def start(
    *,
    repository: str,
    workflow: str,
    ref: str,
    inputs: tuple[str, ...],
    event_type: str,
    payload: Path | None,
    as_json: bool,
) -> None:
    """Starts WORKFLOW (a file of .github/workflows) of REPOSITORY (OWNER/NAME) by workflow_dispatch; or, with
    --event-type and no WORKFLOW, all that listen to that type of repository_dispatch on the default branch.

    The repository must have run here before, or be a clone below REPOSITORY_PATH.

    \b
    Example:
      firebreak runs start octo/hello deploy.yml --ref main --input target=staging
    """
    if repository.count("/") != 1:
        raise Usage(f"{repository!r}: expected OWNER/NAME")
    pairs = dict(_pair(text) for text in inputs)
    if bool(workflow) == bool(event_type):
        raise Usage("name either a WORKFLOW or an --event-type")
    if event_type and (ref or inputs):
        raise Usage("--ref and --input belong to a WORKFLOW; --event-type starts the default branch, with --payload")
    if payload is not None and not event_type:
        raise Usage("--payload belongs to --event-type; a WORKFLOW takes --input")
    client_payload = read_payload(payload)
    async with connected() as connection:
        repository_id, clone_url = await known_repository(connection, repository)
        identity = CommandId(str(uuid.uuid4()))
        command: TriggerWorkflow | TriggerDispatch
        if event_type:
            command = TriggerDispatch(identity, repository_id, repository, event_type, client_payload, "cli", clone_url)
        else:
            command = TriggerWorkflow(identity, repository_id, repository, workflow, ref, dict(pairs), "cli", clone_url)
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
    if isinstance(event, IntakeFailed | DeliveryIgnored):
        raise NotAllowed(event.why)
    if isinstance(event, WorkflowRejected):
        places = [f"{p.file}:{p.line}:{p.column}: {p.message}" for p in event.problems]
        raise Usage("the workflow is invalid:\n" + "\n".join(places))
    if not event.runs:
        reasons = "; ".join(f"{each.path}: {each.why}" for each in event.unmatched)
        raise NotAllowed(f"no workflow wants it: {reasons}")
    return event.runs


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise Usage(f"--input {text!r}: expected NAME=VALUE")
    return name, value


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


async def _send(connection: Connection, command: RunCommand) -> None:
    """Sends a command and waits for the scheduler's event about it. Raises NotAllowed where it was refused."""

    def ours(event: Answer) -> bool | None:
        if event.command != command.id:
            return None
        if isinstance(event, CommandRejected):
            raise NotAllowed(event.why)
        return True

    extent = await connection.bus.extent(subjects.EVENTS)
    await connection.bus.enqueue(subjects.run_command(command.run_id), encode(command), message_id=command.id)
    await answer(connection.bus, subjects.any_run(command.run_id), extent.last, _answers, ours)


@click.command()
@click.argument("run")
@click.option("-e", "--environment", default="", help="Only what waits for this environment.")
@click.option("-j", "--job", default="", help="Only the environment that this job waits for.")
@click.option("--reject", is_flag=True, help="Keep the jobs out: they fail.")
@click.option("--comment", default="", help="What the log says beside it.")
@click.option("--as", "login", default="", metavar="LOGIN", help="Who approves.  [default: the user of this machine]")
@click.option("--json", "as_json", is_flag=True, help="JSON on standard output.")
@coroutine
async def approve(
    *, run: str, environment: str, job: str, reject: bool, comment: str, login: str, as_json: bool
) -> None:
    """Lets the jobs of RUN that wait for a protected environment go on, as one of its reviewers.

    One word is for all jobs of the run that wait for that environment. Whoever is no reviewer is refused (exit code 4).

    Example: firebreak runs approve 4503599627370496 --environment production --comment "after the freeze"
    """
    run_id = parse_run_id(run)
    command = ApproveJob(
        id=CommandId(str(uuid.uuid4())),
        run_id=run_id,
        by=login or getpass.getuser(),
        environment=environment,
        job=JobKey(job),
        reject=reject,
        comment=comment[:COMMENT_CHARACTERS],
    )
    async with connected() as connection:
        view = await run_view(connection, run_id)
        if job:
            command = msgspec.structs.replace(command, job=chosen_jobs(view, job)[0].key)
        await _send(connection, command)
    _tell(run_id, f"run {run_id}: {'kept out' if reject else 'approved'}", as_json=as_json)


COMMANDS = (start, cancel, rerun, approve)
