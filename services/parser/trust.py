"""Whose code an event runs, where that is not the repository's own: what Dependabot brings is other people's releases.

GitHub runs these events like a fork's when Dependabot set them off. An event that runs the default branch's code is
the repository's own, whoever set it off.
Source: GitHub's documentation, "Dependabot on GitHub Actions".
"""

from __future__ import annotations

from libs.contracts.plan import Trust
from libs.github.payload import Event

DEPENDABOT = "dependabot[bot]"


def is_dependabot(event: Event) -> bool:
    return event.sender.login == DEPENDABOT


def trust_of(event: Event) -> Trust:
    """Of a push, a `create` or a deployment: commits that are in the repository itself."""
    return "fork" if is_dependabot(event) else "own"
