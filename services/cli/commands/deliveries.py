"""`firebreak deliveries`: what became of webhooks and of commands to start workflows, also where nothing ran."""

from __future__ import annotations

import click
import msgspec

from services.cli import words
from services.cli.connection import connected, coroutine
from services.cli.intakes import Intake, find_intake, in_words, newest_intakes
from services.cli.outcome import Usage

SHOWN = 20
MOST = 10_000
WIDTH = 80


@click.group()
def command() -> None:
    """Deliveries of GitHub and commands to start workflows: what became of each, and why nothing ran.

    Example: firebreak deliveries ls
    """


@command.command("ls")
@click.option("-n", "--limit", default=SHOWN, show_default=True, type=click.IntRange(1, MOST), help="How many.")
@click.option("--repo", "repository", default="", help="Only of this repository, OWNER/NAME.")
@click.option("--json", "as_json", is_flag=True, help="A list as JSON.")
@coroutine
async def list_deliveries(*, limit: int, repository: str, as_json: bool) -> None:
    """The newest deliveries and commands, newest first.

    Example: firebreak deliveries ls --repo octo/hello -n 5
    """
    async with connected() as connection:
        found = await newest_intakes(connection.bus, MOST if repository else limit)
    if repository:
        found = [each for each in found if each.repository.lower() == repository.lower()][:limit]
    if as_json:
        click.echo(msgspec.json.encode(found).decode())
        return
    rows = [
        (each.id, words.clock(each.time), each.event, each.repository, each.outcome, _short(each)) for each in found
    ]
    words.table(("ID", "TIME", "EVENT", "REPOSITORY", "OUTCOME", "WHAT"), rows)
    if not found:
        click.echo("No delivery yet: `firebreak demo` sends one.", err=True)


@command.command()
@click.argument("delivery")
@click.option("--json", "as_json", is_flag=True, help="JSON on standard output.")
@coroutine
async def show(*, delivery: str, as_json: bool) -> None:
    """What became of DELIVERY, a GUID as GitHub shows it, or a command's id: which files run, and why others do not.

    Example: firebreak deliveries show 72d3162e-cc78-11e3-81ab-4c9367dc0958
    """
    await tell_intake(delivery, as_json=as_json)


async def tell_intake(cause: str, *, as_json: bool) -> None:
    """Raises Usage for what the log does not know."""
    async with connected() as connection:
        found = await find_intake(connection.bus, _id(cause))
    if found is None:
        raise Usage(f"the log holds nothing about {cause!r}; `firebreak deliveries ls` lists the newest")
    if as_json:
        click.echo(msgspec.json.encode(found).decode())
        return
    click.echo(words.plain(f"{found.event or 'a delivery'} of {found.repository or 'no repository'}: {found.outcome}"))
    for line in in_words(found):
        click.echo(words.plain(line))


def _id(text: str) -> str:
    """It becomes a part of a subject. Raises Usage."""
    if not text or not all(character.isalnum() or character in "-_" for character in text):
        raise Usage(f"{text[:100]!r} is no delivery's GUID and no command's id")
    return text.lower() if text.count("-") == 4 else text


def _short(intake: Intake) -> str:
    """In a row's width; `show` has all of it."""
    text = _gist(intake)
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"


def _gist(intake: Intake) -> str:
    if intake.runs:
        return f"{len(intake.runs)} runs" if len(intake.runs) > 1 else "1 run"
    if intake.why:
        return intake.why
    reasons = list(intake.unmatched.values()) or [each.message for each in intake.problems]
    return reasons[0] if len(reasons) == 1 else f"{len(reasons)} files, and none runs"
