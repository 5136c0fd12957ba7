"""`firebreak vars`: what workflows read as `vars.NAME`."""

from __future__ import annotations

import click
import msgspec

from libs.contracts.subjects import SETTINGS
from libs.vault.scopes import BadEntry
from libs.vault.variables import Variables
from services.cli import words
from services.cli.connection import connected, coroutine
from services.cli.outcome import Usage
from services.cli.scopes import chosen_scope, scope_options


@click.group()
def command() -> None:
    """Variables of workflows: of an organisation, of a repository, or of an environment. The narrowest wins.

    Example: firebreak vars set REGION eu-west-1 --repo octo/hello
    """


@command.command("set")
@click.argument("name")
@click.argument("value")
@scope_options
@coroutine
async def set_one(*, name: str, value: str, repository: str, environment: str, org: str) -> None:
    """Sets NAME to VALUE, for runs that are planned from now on (an environment's: for jobs that start).

    Example: firebreak vars set REGION eu-west-1 --repo octo/hello --env production
    """
    async with connected() as connection:
        scope = await chosen_scope(connection, repository, environment, org)
        try:
            await Variables(connection.bus.key_value(SETTINGS)).set(scope, name, value)
        except BadEntry as error:
            raise Usage(str(error)) from None
    click.echo(f"{name.upper()} is set for {scope.shown}", err=True)


@command.command("ls")
@scope_options
@click.option("--json", "as_json", is_flag=True, help="JSON on standard output.")
@coroutine
async def list_all(*, repository: str, environment: str, org: str, as_json: bool) -> None:
    """The variables of one scope.

    Example: firebreak vars ls --repo octo/hello
    """
    async with connected() as connection:
        scope = await chosen_scope(connection, repository, environment, org)
        try:
            found = await Variables(connection.bus.key_value(SETTINGS)).read(scope)
        except BadEntry as error:
            raise Usage(str(error)) from None
    if as_json:
        click.echo(msgspec.json.encode(found).decode())
        return
    words.table(("NAME", "VALUE"), [(name, words.plain(value)) for name, value in found.items()])


@command.command("rm")
@click.argument("name")
@scope_options
@coroutine
async def remove(*, name: str, repository: str, environment: str, org: str) -> None:
    """Removes NAME.

    Example: firebreak vars rm REGION --repo octo/hello
    """
    async with connected() as connection:
        scope = await chosen_scope(connection, repository, environment, org)
        try:
            known = await Variables(connection.bus.key_value(SETTINGS)).remove(scope, name)
        except BadEntry as error:
            raise Usage(str(error)) from None
    if not known:
        raise Usage(f"{scope.shown} has no variable {name.upper()}")
    click.echo(f"{name.upper()} is removed from {scope.shown}", err=True)
