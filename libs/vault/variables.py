"""Configuration variables: plain text, one value of SETTINGS a scope. The narrower scope wins."""

from __future__ import annotations

import msgspec

from libs.bus.port import KeyValue
from libs.contracts.ids import RepositoryId
from libs.vault.changing import changed
from libs.vault.scopes import BadEntry, Scope, checked_name, checked_value, of_owner, of_repository

MAX_TOTAL_BYTES = 256 * 1024
"""GitHub's bound for all variables of a run together: they stand in its plan."""

_decoder = msgspec.json.Decoder(dict[str, str])


class Variables:
    def __init__(self, bucket: KeyValue) -> None:
        self._bucket = bucket

    async def read(self, scope: Scope) -> dict[str, str]:
        """By name, sorted. Raises BusDown, BadEntry."""
        found = await self._bucket.get(_key(scope))
        return {} if found is None else _decoded(found[0], scope)

    async def of_run(self, owner: str, repository: RepositoryId) -> dict[str, str]:
        """What a run of that repository sees as `vars`. Raises BusDown, BadEntry."""
        return {**await self.read(of_owner(owner)), **await self.read(of_repository(repository))}

    async def set(self, scope: Scope, name: str, value: str) -> None:
        """Raises BadEntry, BusDown."""
        name, value = checked_name(name), checked_value(name, value)

        def with_it(before: bytes | None) -> bytes:
            after = {**({} if before is None else _decoded(before, scope)), name: value}
            data = msgspec.json.encode(dict(sorted(after.items())))
            if len(data) > MAX_TOTAL_BYTES:
                raise BadEntry(f"the variables of {scope.shown} are over {MAX_TOTAL_BYTES // 1024} KiB together")
            return data

        await changed(self._bucket, _key(scope), with_it)

    async def remove(self, scope: Scope, name: str) -> bool:
        """Whether there was one. Raises BadEntry, BusDown."""
        name = checked_name(name)
        if name not in await self.read(scope):
            return False

        def without(before: bytes | None) -> bytes:
            known = {} if before is None else _decoded(before, scope)
            return msgspec.json.encode({other: value for other, value in known.items() if other != name})

        await changed(self._bucket, _key(scope), without)
        return True


def _decoded(data: bytes, scope: Scope) -> dict[str, str]:
    try:
        return _decoder.decode(data)
    except msgspec.DecodeError as error:
        raise BadEntry(f"the variables of {scope.shown} cannot be read: {error}") from None


def _key(scope: Scope) -> str:
    return f"variables.{scope.key}"
