"""Whose question it is, and whether anybody still waits for its answer."""

from __future__ import annotations

from msgspec import Struct

from libs.contracts.ids import Cause, RepositoryId


class Whose(Struct, frozen=True):
    """`name` is the repository's; `late` says that it waited for too long, empty where it did not."""

    repository: RepositoryId
    name: str
    cause: Cause
    late: str = ""
