"""`firebreak advice`: what was learned of a repository's jobs, or of the hosts, in words, and what became of it."""

from __future__ import annotations

from datetime import datetime
from itertools import groupby

import click
import msgspec

from libs.bus.port import Bus, CaughtUp, Stored
from libs.contracts import subjects
from libs.contracts.advice import Advice, AdviceKind, AdviceMeasured
from libs.contracts.envelope import decode_commit
from libs.contracts.ids import RepositoryId
from libs.contracts.opt_ins import OptInsDeclared
from libs.views.advice import became, sentence
from libs.views.opt_ins import opted_into
from libs.views.standing import Standing, about, standing
from services.cli import words
from services.cli.connection import connected, coroutine
from services.cli.outcome import Usage

KINDS: tuple[AdviceKind, ...] = ("timeout", "duration", "flaky", "cache", "pool")


class Told(msgspec.Struct, frozen=True):
    """One piece: as the log has it, in words, and what became of it since it was given."""

    text: str
    became: str
    advice: Advice
    measured: AdviceMeasured | None


class ToldOf(msgspec.Struct, frozen=True):
    """`repository_id` is None of the hosts; `position` is how much of the log it was made of. `opt_ins` is what the
    repository's file says, None where it never had one.
    """

    repository: str
    repository_id: int | None
    given_at: datetime
    position: int
    advice: tuple[Told, ...]
    opt_ins: OptInsDeclared | None = None


@click.command()
@click.argument("repository", required=False)
@click.option("--hosts", is_flag=True, help="What is advised to the hosts: machines that should stand ready.")
@click.option("--kind", multiple=True, type=click.Choice(KINDS), help="Only of this kind; may be given again.")
@click.option("--json", "as_json", is_flag=True, help="A list as JSON.")
@coroutine
async def command(*, repository: str | None, hosts: bool, kind: tuple[AdviceKind, ...], as_json: bool) -> None:
    """What was learned of REPOSITORY's jobs (OWNER/NAME, or its number), or of all: time limits that fit, expected
    durations, flaky jobs and steps, caches worth having. Beside each piece stands what became of it.

    A limit is applied, and a flaky job tried again, only where the repository opts in (`.github/firebreak.yml`).

    Example: firebreak advice octo/hello --kind flaky
    """
    if hosts and repository:
        raise Usage("--hosts is of all repositories: give one of both")
    async with connected() as connection:
        found = await found_advice(connection.bus, repository, hosts=hosts)
        told = [told_of(each, kind, await opt_ins_of(connection.bus, each)) for each in found]
    if as_json:
        click.echo(msgspec.json.encode(told).decode())
        return
    for each in told:
        tell(each)
    if not any(each.advice for each in told):
        whose = f"of {repository}: no run of it was seen, or too few" if repository else "yet"
        click.echo(
            words.plain(f"Nothing is advised {whose}. It takes two successes of a job, and a learner."), err=True
        )


async def found_advice(bus: Bus, repository: str | None, *, hosts: bool) -> list[Stored]:
    """The last commits of what is asked for. Raises Usage."""
    if hosts:
        return [stored] if (stored := await bus.last(subjects.ADVICE_FOR_HOSTS)) is not None else []
    if repository is None:
        return await _all(bus)
    if repository.isdecimal():
        stored = await bus.last(subjects.advice(RepositoryId(int(repository))))
        return [stored] if stored is not None else []
    if repository.count("/") != 1:
        raise Usage(f"{repository!r}: expected OWNER/NAME, or the repository's number")
    # Names change hands; the one that a repository had when it was advised last is the one that people know.
    return [each for each in await _all(bus) if _named(each).lower() == repository.lower()]


def _named(stored: Stored) -> str:
    return standing(stored, stored.time).given.repository


async def _all(bus: Bus) -> list[Stored]:
    """Of each repository the last one, by its number; the hosts at the end."""
    newest: dict[str, Stored] = {}
    async for message in bus.tail(subjects.EVENTS, (subjects.ALL_ADVICE,), 0, follow=False):
        if not isinstance(message, CaughtUp):
            newest[message.subject] = message
    return sorted(newest.values(), key=lambda each: (each.subject == subjects.ADVICE_FOR_HOSTS, each.subject))


async def opt_ins_of(bus: Bus, advice: Stored) -> OptInsDeclared | None:
    """What the repository of this advice declared last."""
    number = advice.subject.rpartition(".")[2]
    stored = await bus.last(subjects.opt_ins(RepositoryId(int(number)))) if number.isdecimal() else None
    return None if stored is None else msgspec.json.decode(decode_commit(stored.data).events[-1], type=OptInsDeclared)


def told_of(stored: Stored, kinds: tuple[AdviceKind, ...], opt_ins: OptInsDeclared | None = None) -> ToldOf:
    stands = standing(stored, stored.time)
    pieces = [piece for piece in stands.given.advice if not kinds or about(piece).kind in kinds]
    number = stored.subject.rpartition(".")[2]
    return ToldOf(
        repository=stands.given.repository,
        repository_id=int(number) if number.isdecimal() else None,
        given_at=stands.at,
        position=stands.given.position,
        advice=tuple(_piece(piece, stands) for piece in pieces),
        opt_ins=opt_ins,
    )


def _piece(piece: Advice, stands: Standing) -> Told:
    measured = stands.became(piece)
    return Told(sentence(piece, str), became(measured) if measured else "", piece, measured)


def tell(told: ToldOf) -> None:
    if not told.advice:
        return
    name = told.repository or (f"repository {told.repository_id}" if told.repository_id else "hosts")
    click.echo(words.plain(f"{name}, as of {words.clock(told.given_at)}"))
    if told.repository_id is not None:
        click.echo(words.plain(f"  {_one_line(opted_into(told.opt_ins))}"))
    for path, pieces in groupby(told.advice, key=lambda each: about(each.advice).path):
        if told.repository_id is not None:
            click.echo(words.plain(f"  {path}"))
        for piece in pieces:
            click.echo(words.plain(f"  - {_one_line(piece.text)}"))
            if piece.became:
                click.echo(words.plain(f"      {piece.became}"))


def _one_line(text: str) -> str:
    """Several folders of a cache, and whatever a workflow calls its jobs."""
    return ", ".join(text.splitlines())
