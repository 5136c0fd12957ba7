"""`firebreak environments`: which jobs wait before an environment, for whom and how long, and which refs may use it."""

from __future__ import annotations

from collections.abc import Callable

import click
import msgspec
from msgspec.structs import replace

from libs.contracts.environments import (
    MAX_NAME_CHARACTERS,
    MAX_REVIEWERS,
    MAX_WAIT_MINUTES,
    Environments,
    Protection,
)
from libs.contracts.ids import RepositoryId
from libs.contracts.subjects import SETTINGS
from libs.vault.changing import Contended
from libs.vault.environments import Damaged, change_environments, read_environments
from libs.workflow.globs import GlobError, compile_glob
from services.cli import words
from services.cli.connection import Connection, connected, coroutine
from services.cli.outcome import Failed, Usage
from services.cli.repositories import repository_number

Change = Callable[[Environments], Environments]
json_option = click.option("--json", "as_json", is_flag=True, help="JSON on standard output.")


@click.group()
def command() -> None:
    """Environments of a repository. One that nobody set is not protected.

    REPOSITORY is OWNER/NAME, or its number as GitHub has it.

    Example: firebreak environments set octo/hello production --reviewer monalisa --branch main
    """


@command.command("set")
@click.argument("repository")
@click.argument("name")
@click.option(
    "--reviewer", "reviewers", multiple=True, metavar="LOGIN", help="One of these has to approve; again for more."
)
@click.option(
    "--wait", type=click.IntRange(0, MAX_WAIT_MINUTES), default=0, metavar="MINUTES", help="Jobs wait so long."
)
@click.option(
    "--branch", "branches", multiple=True, metavar="PATTERN", help="Only these branches, or refs (refs/tags/v*)."
)
@click.option("--prevent-self-review", is_flag=True, help="Whoever started the run may not approve it.")
@coroutine
async def set_one(
    *,
    repository: str,
    name: str,
    reviewers: tuple[str, ...],
    wait: int,
    branches: tuple[str, ...],
    prevent_self_review: bool,
) -> None:
    """Sets the rules of the environment NAME, all at once: what is not given is not asked for.

    They hold for jobs that reach the environment from now on.

    Example: firebreak environments set octo/hello production --reviewer monalisa --wait 10 --branch main
    """
    rules = _checked(Protection(name.strip(), reviewers, wait, branches, prevent_self_review))

    def with_it(before: Environments) -> Environments:
        return replace(before, protections={**before.protections, rules.name.lower(): rules})

    async with connected() as connection:
        await _change(connection, repository, with_it)
    click.echo(f"environment {rules.name} of {repository}: {_shown(rules)}", err=True)


@command.command("ls")
@click.argument("repository")
@json_option
@coroutine
async def list_all(*, repository: str, as_json: bool) -> None:
    """The environments of REPOSITORY that have rules.

    Example: firebreak environments ls octo/hello
    """
    found = list((await _read(repository)).protections.values())
    if as_json:
        click.echo(msgspec.json.encode(found).decode())
        return
    words.table(("NAME", "RULES"), [(words.plain(each.name), words.plain(_shown(each))) for each in found])


@command.command("show")
@click.argument("repository")
@click.argument("name")
@json_option
@coroutine
async def show(*, repository: str, name: str, as_json: bool) -> None:
    """The rules of one environment.

    Example: firebreak environments show octo/hello production
    """
    rules = (await _read(repository)).protections.get(name.lower())
    if rules is None:
        raise Usage(f"{repository} has no rules for an environment {name}: it is not protected")
    if as_json:
        click.echo(msgspec.json.encode(rules).decode())
        return
    click.echo(words.plain(f"{rules.name}: {_shown(rules)}"))


@command.command("rm")
@click.argument("repository")
@click.argument("name")
@coroutine
async def remove(*, repository: str, name: str) -> None:
    """Removes the rules of an environment: it is not protected any more. Its secrets and variables stay.

    Example: firebreak environments rm octo/hello staging
    """

    def without(before: Environments) -> Environments:
        if name.lower() not in before.protections:
            raise Usage(f"{repository} has no rules for an environment {name}")
        kept = {other: rules for other, rules in before.protections.items() if other != name.lower()}
        return replace(before, protections=kept)

    async with connected() as connection:
        await _change(connection, repository, without)
    click.echo(f"environment {name} of {repository} is not protected any more", err=True)


def _checked(rules: Protection) -> Protection:
    if not rules.name or len(rules.name) > MAX_NAME_CHARACTERS:
        raise Usage(f"an environment's name has 1 to {MAX_NAME_CHARACTERS} characters")
    if len(rules.reviewers) > MAX_REVIEWERS:
        raise Usage(f"{MAX_REVIEWERS} reviewers at most, as on GitHub")
    for pattern in rules.branches:
        try:
            compile_glob(pattern)
        except GlobError as error:
            raise Usage(f"--branch {pattern!r}: {error}") from None
    return rules


def _shown(rules: Protection) -> str:
    parts = [
        f"approved by {' or '.join(rules.reviewers)}" if rules.reviewers else "",
        "not by who started the run" if rules.prevent_self_review else "",
        f"after {rules.wait_minutes} min" if rules.wait_minutes else "",
        f"from {', '.join(rules.branches)}" if rules.branches else "",
    ]
    return "; ".join(part for part in parts if part) or "no rules"


async def _read(repository: str) -> Environments:
    async with connected() as connection:
        number = await repository_number(connection, repository)
        try:
            return await read_environments(connection.bus.key_value(SETTINGS), number)
        except Damaged as error:
            raise Failed(str(error)) from None


async def _change(connection: Connection, repository: str, change: Change) -> None:
    number: RepositoryId = await repository_number(connection, repository)
    try:
        await change_environments(connection.bus.key_value(SETTINGS), number, change)
    except (Damaged, Contended) as error:
        raise Failed(str(error)) from None
