"""What a repository's operators keep about its environments. Not an event: the newest word counts, and a run's log
holds what of it was applied.
"""

from __future__ import annotations

import msgspec

MAX_REVIEWERS = 6
"""GitHub's bound."""
MAX_WAIT_MINUTES = 43_200
"""GitHub's bound: 30 days."""
MAX_NAME_CHARACTERS = 255
"""GitHub's bound for an environment's name."""


class Protection(msgspec.Struct, frozen=True):
    """An environment's rules. `branches` are patterns of the refs that may use it, none means all; `reviewers` logins,
    of whom one has to approve.
    """

    name: str
    reviewers: tuple[str, ...] = ()
    wait_minutes: int = 0
    branches: tuple[str, ...] = ()
    prevent_self_review: bool = False


class Environments(msgspec.Struct, frozen=True):
    """All environments of a repository, by their names in lower case. One that is missing is not protected."""

    protections: dict[str, Protection] = {}
