"""Secrets, variables and environments as they are kept."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from libs.bus.memory import MemoryBus
from libs.bus.port import KeyValue
from libs.contracts.environments import Environments, Protection
from libs.contracts.ids import RepositoryId
from libs.contracts.subjects import SECRETS, SETTINGS
from libs.vault.environments import Damaged, change_environments, read_environments
from libs.vault.key import NoKey, ensure_key, read_key
from libs.vault.scopes import MAX_NAMES, MAX_VALUE_BYTES, BadEntry, of_environment, of_owner, of_repository
from libs.vault.secrets import CannotRead, Secrets
from libs.vault.variables import Variables

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
KEY = bytes(range(32))
REPOSITORY = RepositoryId(5)
SCOPES = (of_owner("Octo"), of_repository(REPOSITORY), of_environment(REPOSITORY, "Prod / EU"))


@pytest.fixture
def bucket() -> KeyValue:
    return MemoryBus().key_value(SECRETS)


@pytest.mark.parametrize("scope", SCOPES, ids=lambda scope: scope.key)
async def test_what_is_set_is_read_and_what_is_removed_is_gone(bucket: KeyValue, scope):
    secrets = Secrets(bucket, KEY)
    await secrets.set(scope, "token", "s3cret", NOW)
    await secrets.set(scope, "TOKEN", "newer", NOW)
    await secrets.set(scope, "Other", "x", NOW)
    assert await secrets.read(scope) == {"TOKEN": "newer", "OTHER": "x"}
    assert await Secrets(bucket).names(scope) == {"OTHER": NOW, "TOKEN": NOW}
    assert await secrets.remove(scope, "token") is True
    assert await secrets.remove(scope, "token") is False
    assert await secrets.read(scope) == {"OTHER": "x"}


async def test_scopes_do_not_see_each_other(bucket: KeyValue):
    secrets = Secrets(bucket, KEY)
    for number, scope in enumerate(SCOPES):
        await secrets.set(scope, "A", str(number), NOW)
    assert [await secrets.read(scope) for scope in SCOPES] == [{"A": "0"}, {"A": "1"}, {"A": "2"}]
    assert of_environment(REPOSITORY, "prod / eu").key == SCOPES[2].key
    assert of_owner("octo.org").key != of_owner("octo-org").key


async def test_nothing_that_is_stored_shows_the_value(bucket: KeyValue):
    await Secrets(bucket, KEY).set(SCOPES[1], "A", "hunter2hunter2", NOW)
    stored = [await bucket.get(key) for key in ("names.repository.5", "values.repository.5.A")]
    assert all(found is not None and b"hunter2" not in found[0] for found in stored)


async def test_another_key_opens_nothing_and_says_no_value(bucket: KeyValue):
    await Secrets(bucket, KEY).set(SCOPES[1], "A", "hunter2", NOW)
    with pytest.raises(CannotRead, match="the secret A of repository 5 does not open with this key") as caught:
        await Secrets(bucket, bytes(32)).read(SCOPES[1])
    assert "hunter2" not in str(caught.value)
    with pytest.raises(CannotRead, match="no key"):
        await Secrets(bucket).read(SCOPES[1])


async def test_a_value_that_was_moved_to_another_name_does_not_open(bucket: KeyValue):
    secrets = Secrets(bucket, KEY)
    await secrets.set(SCOPES[1], "A", "a", NOW)
    await secrets.set(SCOPES[1], "B", "b", NOW)
    found = await bucket.get("values.repository.5.A")
    assert found is not None
    await bucket.put("values.repository.5.B", found[0])
    with pytest.raises(CannotRead, match="the secret B"):
        await secrets.read(SCOPES[1])


async def test_damage_is_said(bucket: KeyValue):
    secrets = Secrets(bucket, KEY)
    await secrets.set(SCOPES[1], "A", "a", NOW)
    for damaged in (b"", b"short", os.urandom(60)):
        await bucket.put("values.repository.5.A", damaged)
        with pytest.raises(CannotRead, match="does not open"):
            await secrets.read(SCOPES[1])
    await bucket.delete("values.repository.5.A")
    with pytest.raises(CannotRead, match="is gone"):
        await secrets.read(SCOPES[1])
    await bucket.put("names.repository.5", b"[")
    with pytest.raises(CannotRead, match="cannot be read"):
        await secrets.names(SCOPES[1])


@pytest.mark.parametrize("name", ["", "1A", "A-B", "A B", "GITHUB_TOKEN", "github_x", "É", "A" * 256, "A\n", "A.B"])
async def test_names_that_github_refuses_are_refused(bucket: KeyValue, name: str):
    with pytest.raises(BadEntry):
        await Secrets(bucket, KEY).set(SCOPES[1], name, "v", NOW)
    with pytest.raises(BadEntry):
        await Variables(bucket).set(SCOPES[1], name, "v")


async def test_values_have_bounds(bucket: KeyValue):
    secrets = Secrets(bucket, KEY)
    await secrets.set(SCOPES[1], "A", "x" * MAX_VALUE_BYTES, NOW)
    with pytest.raises(BadEntry, match="over 48 KiB"):
        await secrets.set(SCOPES[1], "A", "x" * (MAX_VALUE_BYTES + 1), NOW)
    with pytest.raises(BadEntry, match="empty"):
        await secrets.set(SCOPES[1], "A", "", NOW)
    for number in range(MAX_NAMES):
        await secrets.set(SCOPES[2], f"N{number}", "x", NOW)
    await secrets.set(SCOPES[2], "N0", "y", NOW)
    with pytest.raises(BadEntry, match="100 secrets"):
        await secrets.set(SCOPES[2], "ONE_MORE", "x", NOW)


async def test_the_narrower_variable_wins():
    variables = Variables(MemoryBus().key_value(SETTINGS))
    await variables.set(SCOPES[0], "a", "owner")
    await variables.set(SCOPES[0], "B", "owner")
    await variables.set(SCOPES[1], "A", "repository")
    assert await variables.of_run("octo", REPOSITORY) == {"A": "repository", "B": "owner"}
    assert await variables.remove(SCOPES[1], "a")
    assert not await variables.remove(SCOPES[1], "a")
    assert await variables.of_run("octo", REPOSITORY) == {"A": "owner", "B": "owner"}
    for number in range(5):
        await variables.set(SCOPES[1], f"N{number}", "x" * MAX_VALUE_BYTES)
    with pytest.raises(BadEntry, match="256 KiB together"):
        await variables.set(SCOPES[1], "N5", "x" * MAX_VALUE_BYTES)


async def test_environments_are_changed_one_at_a_time_and_lose_nothing():
    bucket = _Contended(MemoryBus().key_value(SETTINGS))
    await change_environments(bucket, REPOSITORY, lambda old: _with(old, Protection("a")))
    await change_environments(bucket, REPOSITORY, lambda old: _with(old, Protection("B", ("monalisa",))))
    assert list((await read_environments(bucket, REPOSITORY)).protections) == ["a", "b"]
    await bucket.put("environments.5", b"{")
    with pytest.raises(Damaged, match="environments of repository 5"):
        await read_environments(bucket, REPOSITORY)


class _Contended:
    """A bucket of which each first write finds that somebody else was faster."""

    def __init__(self, inner: KeyValue) -> None:
        self._inner, self._lost = inner, False
        self.get, self.put, self.delete = inner.get, inner.put, inner.delete

    async def create(self, key: str, value: bytes, ttl_seconds: int | None = None) -> int | None:
        return None if self._loses() else await self._inner.create(key, value, ttl_seconds)

    async def update(self, key: str, value: bytes, revision: int, ttl_seconds: int | None = None) -> int | None:
        return None if self._loses() else await self._inner.update(key, value, revision, ttl_seconds)

    def _loses(self) -> bool:
        self._lost = not self._lost
        return self._lost


def _with(old: Environments, rules: Protection) -> Environments:
    return Environments({**old.protections, rules.name.lower(): rules})


def test_the_homes_key_is_made_once_and_is_its_owners_alone(tmp_path: Path):
    path = ensure_key(tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    key = read_key("", tmp_path)
    ensure_key(tmp_path)
    assert read_key("", tmp_path) == key
    assert len(key) == 32


def test_a_key_that_is_none_is_refused_without_a_word_of_it(tmp_path: Path):
    with pytest.raises(NoKey, match="openssl rand -hex 32"):
        read_key("", tmp_path)
    for bad in ("abc", "z" * 64, "ab" * 31):
        with pytest.raises(NoKey) as caught:
            read_key(bad, tmp_path)
        assert bad not in str(caught.value)
    assert read_key("ab" * 32, tmp_path) == bytes.fromhex("ab" * 32)
