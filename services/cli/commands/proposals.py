"""`firebreak proposals`: what a language model proposed in the place of what cannot run. It decides nothing."""

from __future__ import annotations

import getpass
import sys
import uuid
from pathlib import Path

import click
import msgspec

from libs.contracts import subjects
from libs.contracts.commands import AcceptProposal
from libs.contracts.envelope import encode
from libs.contracts.ids import CommandId
from libs.contracts.model import ProposalMade, ProposalPlace
from libs.workflow.patching import NotPatched
from services.cli import words
from services.cli.connection import Connection, connected, coroutine
from services.cli.outcome import NotAllowed, Usage
from services.cli.patches import diff, patched
from services.cli.proposed import Proposal, proposals

SHORT = 12
"""Characters of an id that are shown; any beginning that only one has is understood."""
WORKFLOW_BYTES = 1024 * 1024
"""GitHub's own limit for one workflow file."""
NOTICE = "These are a model's words. Nothing of them runs unless somebody commits it."


@click.group()
def command() -> None:
    """What a language model proposed for what cannot run here: an unknown action, a label that no host has, a key that
    was refused. It is shown, and nothing else happens.

    Example: firebreak proposals ls
    """


@command.command("ls")
@click.option("--repo", "repository", default="", help="Only of this repository, OWNER/NAME.")
@click.option("--json", "as_json", is_flag=True, help="A list as JSON.")
@coroutine
async def list_proposals(*, repository: str, as_json: bool) -> None:
    """All proposals, newest first.

    Example: firebreak proposals ls --repo octo/hello
    """
    async with connected() as connection:
        found = await proposals(connection.bus)
    if repository:
        found = [each for each in found if each.made.repository.lower() == repository.lower()]
    if as_json:
        click.echo(msgspec.json.encode(found).decode())
        return
    rows = [
        (
            each.made.id[:SHORT],
            words.clock(each.time),
            words.line(each.made.repository),
            each.made.about,
            words.line(each.made.subject),
            len(each.made.places),
            words.clock(each.accepted),
        )
        for each in found
    ]
    words.table(("ID", "TIME", "REPOSITORY", "ABOUT", "SUBJECT", "PLACES", "ACCEPTED"), rows)
    if not found:
        click.echo("No proposal: a model is asked where USE_LLM_PARSER is true (docs/model.md).", err=True)


@command.command()
@click.argument("proposal")
@click.option("--json", "as_json", is_flag=True, help="JSON on standard output.")
@coroutine
async def show(*, proposal: str, as_json: bool) -> None:
    """What PROPOSAL (an id, or its beginning) would put in the place of what, and what it leaves out.

    Example: firebreak proposals show 3f2a9c
    """
    async with connected() as connection:
        found = await _proposal(connection, proposal)
    if as_json:
        click.echo(msgspec.json.encode(found).decode())
        return
    made = found.made
    click.echo(f"{words.line(made.id)}  {words.line(made.repository)}")
    click.echo(words.line(f"cannot run: {made.subject} ({made.about})"))
    for place in made.places:
        where = f", job {place.job}" if place.job else ""
        where += f", step {place.step + 1}" if place.step is not None else ""
        where += f", line {place.line}" if place.line else ""
        run = f" (run {place.run_id})" if place.run_id is not None else ""
        click.echo(f"  in {words.line(f'{place.path}{where} at {place.sha[:SHORT]}{run}')}")
    click.echo(words.line(f"proposed by {made.model}:"))
    if made.runs_on:
        click.echo(f"  runs-on: {words.line(made.runs_on)}")
    for step in made.steps:
        click.echo(f"  {words.line(step.name)}")
        for line in step.run.splitlines():
            click.echo(words.plain(f"    {line}"))
    for gap in made.gaps:
        click.echo(f"  it leaves out: {words.line(gap)}")
    if found.accepted is not None:
        click.echo(f"a patch was made of it at {words.clock(found.accepted)}")
    click.echo(NOTICE, err=True)


@command.command()
@click.argument("proposal")
@click.option("--dir", "directory", default=".", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--path", default="", help="The workflow file, where the proposal is for more than one.")
@click.option("-o", "--output", default="", metavar="FILE", help="Where the patch goes; - is standard output.")
@click.option("--json", "as_json", is_flag=True, help="JSON on standard output: the patch's file, and its text.")
@coroutine
async def accept(*, proposal: str, directory: Path, path: str, output: str, as_json: bool) -> None:
    """Write a patch that puts PROPOSAL into the workflow file of the repository in --dir [default: .].

    Nothing is changed, committed or pushed: read the patch, then `git apply` it. The file keeps its layout.

    Example: firebreak proposals accept 3f2a9c --dir ~/hello
    """
    async with connected() as connection:
        found = await _proposal(connection, proposal)
        place = _place(found.made, path, directory)
        patch = _patch(found.made, place, directory)
        file = _written(patch, found.made, output)
        await _send(connection, found, place)
    if as_json:
        click.echo(msgspec.json.encode({"file": file, "path": place.path, "patch": patch}).decode())
        return
    if file == "-":
        click.echo(words.plain(patch) if sys.stdout.isatty() else patch, nl=False)
    click.echo(f"{NOTICE} Apply it with: git -C {directory} apply {file}", err=True)


def _patch(made: ProposalMade, place: ProposalPlace, directory: Path) -> str:
    """Raises NotAllowed where the file has changed too much, Usage where it cannot be read."""
    text = _read(directory, place.path)
    try:
        return diff(place.path, text, patched(text, made, place))
    except NotPatched as error:
        hint = f"`firebreak proposals show {made.id[:SHORT]}` has it whole"
        raise NotAllowed(f"{place.path}: {error}. {hint}") from None


def _written(patch: str, made: ProposalMade, output: str) -> str:
    """Where the patch is: an absolute path, or `-`. Raises Usage."""
    if output == "-":
        return "-"
    target = Path(output or f"firebreak-{made.id[:SHORT]}.patch").absolute()
    try:
        target.write_text(patch, newline="")
    except OSError as error:
        raise Usage(f"{target} cannot be written: {error.strerror}") from None
    return str(target)


async def _proposal(connection: Connection, id: str) -> Proposal:
    """Raises Usage where not exactly one begins so."""
    found = [each for each in await proposals(connection.bus) if each.made.id.startswith(id.lower())] if id else []
    if not found:
        raise Usage(f"there is no proposal {id[:100]!r}; `firebreak proposals ls` lists them")
    if len(found) > 1:
        raise Usage(f"{len(found)} proposals begin with {id!r}: write more of the id")
    return found[0]


def _place(made: ProposalMade, path: str, directory: Path) -> ProposalPlace:
    """Raises Usage."""
    places = [place for place in made.places if (not path or place.path == path)]
    there = [place for place in places if (directory / place.path).is_file()]
    files = sorted({place.path for place in places})
    if not there:
        raise Usage(f"{directory} has none of {', '.join(files) or 'its files'}: name the repository with --dir")
    if len({place.path for place in there}) > 1:
        raise Usage(f"it is for {', '.join(files)}: choose one with --path")
    return there[-1]


def _read(directory: Path, path: str) -> str:
    """Only a file of that repository: the name came with an event. Raises Usage."""
    file = (directory / path).resolve()
    if not file.is_relative_to(directory.resolve()):
        raise Usage(f"{path!r} is not in {directory}")
    if file != directory.resolve() / path:
        raise Usage(f"{path!r} is a link in {directory}, to {file}: a patch of it would not apply")
    try:
        with file.open("rb") as stream:
            content = stream.read(WORKFLOW_BYTES + 1)
        if len(content) > WORKFLOW_BYTES:
            raise Usage(f"{file} has over {WORKFLOW_BYTES} bytes")
        return content.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise Usage(f"{file} cannot be read: {error}") from None


async def _send(connection: Connection, found: Proposal, place: ProposalPlace) -> None:
    id = CommandId(str(uuid.uuid4()))
    command = AcceptProposal(id, found.repository_id, found.made.id, getpass.getuser(), place.path)
    await connection.bus.enqueue(subjects.model_command(found.made.id), encode(command), message_id=id)
