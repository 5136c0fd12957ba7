"""Whose secrets and variables: an organisation's (or a user's), a repository's, or those of one of its environments.

Repositories by their numeric id: names change hands. Keys are made here and nowhere else.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from libs.contracts.ids import RepositoryId, token

MAX_VALUE_BYTES = 48 * 1024
"""GitHub's bound for a secret's and a variable's value."""
MAX_NAMES = 100
"""GitHub's bound for the secrets of a repository or an environment; one scope is read for each job."""
_NAME = re.compile(r"[A-Z_][A-Z0-9_]*\Z")
_NAME_CHARACTERS = 255


class BadEntry(ValueError):
    """A name or a value that cannot be kept; the message says why, and never what the value is."""


@dataclass(frozen=True, slots=True)
class Scope:
    """`key` is a part of the bucket's keys, `shown` what people read."""

    key: str
    shown: str


def of_owner(owner: str) -> Scope:
    """Raises BadEntry."""
    try:
        return Scope(f"owner.{_plain(token(owner))}", f"organisation {owner}")
    except ValueError as error:
        raise BadEntry(str(error)) from None


def of_repository(repository: RepositoryId) -> Scope:
    return Scope(f"repository.{repository}", f"repository {repository}")


def of_environment(repository: RepositoryId, name: str) -> Scope:
    """Names of environments differ by more than case, and hold any character."""
    digest = hashlib.sha256(name.lower().encode()).hexdigest()[:16]
    return Scope(f"environment.{repository}.{digest}", f"environment {name} of repository {repository}")


def checked_name(name: str) -> str:
    """As it is kept: in upper case. Raises BadEntry for what GitHub refuses."""
    upper = name.upper()
    if not _NAME.match(upper) or len(upper) > _NAME_CHARACTERS:
        raise BadEntry(
            f"{name[:100]!r} is no name: letters, digits and '_', not a digit first, {_NAME_CHARACTERS} at most"
        )
    if upper.startswith("GITHUB_"):
        raise BadEntry(f"{name}: names that begin with GITHUB_ are GitHub's own")
    return upper


def checked_value(name: str, value: str) -> str:
    """Raises BadEntry."""
    if len(value.encode()) > MAX_VALUE_BYTES:
        raise BadEntry(
            f"the value of {name} is over {MAX_VALUE_BYTES // 1024} KiB: keep a key there, and encrypted by it the rest"
        )
    return value


def _plain(token: str) -> str:
    """A bucket's key knows no `~`."""
    return token.replace("~", "=")
