"""The environments of a repository, in one value of SETTINGS: written from the command line, read by the scheduler.

Nothing is remembered here: a rule that was set a moment ago holds for the next job that asks.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from libs.bus.port import KeyValue
from libs.contracts.environments import Environments
from libs.contracts.ids import RepositoryId
from libs.vault.changing import changed

_decoder = msgspec.json.Decoder(Environments)


async def read_environments(bucket: KeyValue, repository: RepositoryId) -> Environments:
    """Raises BusDown, Damaged."""
    found = await bucket.get(_key(repository))
    return Environments() if found is None else _decoded(found[0], repository)


async def change_environments(
    bucket: KeyValue, repository: RepositoryId, change: Callable[[Environments], Environments]
) -> Environments:
    """What they are after the change, which may be asked for again. Raises BusDown, Damaged."""

    def encoded(before: bytes | None) -> bytes:
        old = Environments() if before is None else _decoded(before, repository)
        return msgspec.json.encode(change(old))

    return _decoded(await changed(bucket, _key(repository), encoded), repository)


class Damaged(Exception):
    """A stored value is not what it should be; the message says where and what to do."""


def _decoded(data: bytes, repository: RepositoryId) -> Environments:
    try:
        return _decoder.decode(data)
    except msgspec.DecodeError as error:
        raise Damaged(
            f"the environments of repository {repository} cannot be read ({error}): "
            "remove the key, or use the version that wrote it"
        ) from None


def _key(repository: RepositoryId) -> str:
    return f"environments.{repository}"
