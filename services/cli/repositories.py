"""Which repository a name stands for: its number, as its newest run here says. Names change hands, numbers do not."""

from __future__ import annotations

from libs.contracts.ids import RepositoryId
from services.cli.connection import Connection
from services.cli.outcome import Usage
from services.cli.reading import newest_runs

SEARCHED_RUNS = 1000
"""Among so many of the newest runs a repository's id is looked for."""


async def known_repository(connection: Connection, repository: str) -> tuple[RepositoryId, str]:
    """The numeric id and clone URL that an earlier run had; (0, "") for one that never ran here."""
    for view in await newest_runs(connection, SEARCHED_RUNS):
        if view.plan and view.plan.repository.full_name.lower() == repository.lower():
            return view.plan.repository.id, view.plan.repository.clone_url
    return RepositoryId(0), ""


async def repository_number(connection: Connection, repository: str) -> RepositoryId:
    """Of OWNER/NAME, or of its number as GitHub has it, for one that never ran here. Raises Usage."""
    if repository.isdecimal() and 0 < int(repository) < 2**53:
        return RepositoryId(int(repository))
    if repository.count("/") != 1:
        raise Usage(f"{repository!r}: expected OWNER/NAME, or the repository's number")
    found, _ = await known_repository(connection, repository)
    if not found:
        raise Usage(
            f"{repository} never ran here, so its number is not known: give that instead "
            f"(`gh api repos/{repository} --jq .id` prints it)"
        )
    return found
