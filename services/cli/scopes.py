"""The options that say whose secrets or variables are meant, alike for both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from libs.vault.scopes import BadEntry, Scope, of_environment, of_owner, of_repository
from services.cli.connection import Connection
from services.cli.outcome import Usage
from services.cli.repositories import repository_number

F = TypeVar("F", bound=Callable[..., Any])  # Click decorates functions of any shape


def scope_options(function: F) -> F:
    """`--repo`, `--env`, `--org`."""
    for option in (
        click.option("-o", "--org", default="", help="Of an organisation or a user: of all its repositories."),
        click.option("-e", "--env", "environment", default="", help="Of this environment of the repository."),
        click.option("-R", "--repo", "repository", default="", help="Of a repository: OWNER/NAME, or its number."),
    ):
        function = option(function)
    return function


async def chosen_scope(connection: Connection, repository: str, environment: str, org: str) -> Scope:
    """Raises Usage."""
    if bool(repository) == bool(org) or (environment and not repository):
        raise Usage("say whose: --repo OWNER/NAME, --repo OWNER/NAME --env NAME, or --org OWNER")
    try:
        if org:
            return of_owner(org)
    except BadEntry as error:
        raise Usage(str(error)) from None
    number = await repository_number(connection, repository)
    return of_environment(number, environment) if environment else of_repository(number)
