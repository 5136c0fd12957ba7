"""`firebreak secrets`: what jobs read as `secrets.NAME`. A value goes in and never comes out again."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from libs.contracts.subjects import SECRETS
from libs.vault.key import NoKey, read_key
from libs.vault.scopes import MAX_VALUE_BYTES, BadEntry
from libs.vault.secrets import CannotRead, Secrets
from services.cli import words
from services.cli.connection import Connection, connected, coroutine
from services.cli.outcome import Failed, Usage
from services.cli.scopes import chosen_scope, scope_options


@click.group()
def command() -> None:
    """Secrets of jobs: of an organisation, of a repository, or of an environment. The narrowest wins.

    They are kept encrypted, under FIREBREAK_SECRETS_KEY (64 hexadecimal digits, or a file that holds them by
    FIREBREAK_SECRETS_KEY_FILE) or the key that `firebreak up` made in its home. Code from a fork gets none.

    Example: firebreak secrets set DEPLOY_TOKEN --repo octo/hello < token.txt
    """


@command.command("set")
@click.argument("name")
@click.option(
    "--value-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file that holds the value.  [default: standard input, or a question]",
)
@scope_options
@coroutine
async def set_one(*, name: str, value_file: Path | None, repository: str, environment: str, org: str) -> None:
    """Sets NAME, for jobs that start from now on. The value is asked for, or read from standard input or a file.

    Line ends at its end are left out. It is never an argument: those are seen by everybody on this machine.

    Example: firebreak secrets set DEPLOY_TOKEN --repo octo/hello --env production --value-file token.txt
    """
    value = _value(name, value_file)
    async with connected() as connection:
        scope = await chosen_scope(connection, repository, environment, org)
        try:
            key = read_key(connection.settings.secrets_key, connection.settings.home)
            await Secrets(connection.bus.key_value(SECRETS), key).set(scope, name, value, datetime.now(UTC))
        except (BadEntry, NoKey) as error:
            raise Usage(str(error)) from None
        except CannotRead as error:
            raise Failed(str(error)) from None
    click.echo(f"{name.upper()} is set for {scope.shown}", err=True)


@command.command("ls")
@scope_options
@click.option("--json", "as_json", is_flag=True, help="JSON on standard output.")
@coroutine
async def list_names(*, repository: str, environment: str, org: str, as_json: bool) -> None:
    """The names of one scope's secrets, and when each was set.

    Example: firebreak secrets ls --repo octo/hello
    """
    async with connected() as connection:
        scope = await chosen_scope(connection, repository, environment, org)
        try:
            found = await _secrets(connection).names(scope)
        except CannotRead as error:
            raise Failed(str(error)) from None
    if as_json:
        click.echo(msgspec.json.encode([{"name": name, "set": at} for name, at in found.items()]).decode())
        return
    words.table(("NAME", "SET"), [(name, words.clock(at)) for name, at in found.items()])


@command.command("rm")
@click.argument("name")
@scope_options
@coroutine
async def remove(*, name: str, repository: str, environment: str, org: str) -> None:
    """Removes NAME.

    Example: firebreak secrets rm DEPLOY_TOKEN --repo octo/hello
    """
    async with connected() as connection:
        scope = await chosen_scope(connection, repository, environment, org)
        try:
            known = await _secrets(connection).remove(scope, name)
        except BadEntry as error:
            raise Usage(str(error)) from None
        except CannotRead as error:
            raise Failed(str(error)) from None
    if not known:
        raise Usage(f"{scope.shown} has no secret {name.upper()}")
    click.echo(f"{name.upper()} is removed from {scope.shown}", err=True)


def _secrets(connection: Connection) -> Secrets:
    """For names alone: those need no key."""
    return Secrets(connection.bus.key_value(SECRETS))


def _value(name: str, file: Path | None) -> str:
    try:
        if file is not None:
            with file.open("rb") as opened:
                data = opened.read(MAX_VALUE_BYTES + 3)
        elif sys.stdin.isatty():
            data = str(click.prompt(f"Value of {name.upper()}", hide_input=True, err=True)).encode()
        else:
            data = sys.stdin.buffer.read(MAX_VALUE_BYTES + 3)
        return data.decode().rstrip("\r\n")
    except OSError as error:
        raise Usage(f"the value cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Usage("the value is not UTF-8: encode it, as base64 does") from None
