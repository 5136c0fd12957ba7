"""Secrets: each value encrypted on its own in the bucket SECRETS, the names of a scope in one value beside them.

XChaCha20-Poly1305, with the value's own key in the bucket as associated data: a value that was moved to another name
or scope does not open. Names are no secrets, as on GitHub.

Architecture invariant: no value is in an error, in a log line, or in anything that is printed.
"""

from __future__ import annotations

import asyncio
import os
from datetime import datetime

import msgspec

from libs.bus.port import KeyValue
from libs.vault.changing import changed
from libs.vault.scopes import MAX_NAMES, BadEntry, Scope, checked_name, checked_value

NONCE_BYTES = 24


class CannotRead(Exception):
    """A stored secret does not open, or is not there; the message names it and says what to do."""


_names = msgspec.json.Decoder(dict[str, datetime])


class Secrets:
    """`key` is 32 bytes; None lists and removes, and neither reads nor sets."""

    def __init__(self, bucket: KeyValue, key: bytes | None = None) -> None:
        self._bucket, self._key = bucket, key

    async def names(self, scope: Scope) -> dict[str, datetime]:
        """Each name, and when it was set last; sorted. Raises BusDown, CannotRead."""
        found = await self._bucket.get(_names_key(scope))
        return {} if found is None else _decoded(found[0], scope)

    async def read(self, scope: Scope) -> dict[str, str]:
        """All of a scope. Raises BusDown, CannotRead."""
        names = list(await self.names(scope))
        values = await asyncio.gather(*(self._value(scope, name) for name in names))
        return dict(zip(names, values, strict=True))

    async def set(self, scope: Scope, name: str, value: str, now: datetime) -> None:
        """The value first: a name never stands for nothing. Raises BadEntry, CannotRead, BusDown."""
        name, value = checked_name(name), checked_value(name, value)
        if not value:
            raise BadEntry(f"the value of {name} is empty")
        known = await self.names(scope)
        if name not in known and len(known) >= MAX_NAMES:
            raise BadEntry(f"{scope.shown} has {MAX_NAMES} secrets, and that is the limit")
        await self._bucket.put(_value_key(scope, name), self._locked(_value_key(scope, name), value))

        def with_it(before: bytes | None) -> bytes:
            names = {} if before is None else _decoded(before, scope)
            return msgspec.json.encode(dict(sorted({**names, name: now}.items())))

        await changed(self._bucket, _names_key(scope), with_it)

    async def remove(self, scope: Scope, name: str) -> bool:
        """Whether there was one: the name first, then the value. Raises BadEntry, CannotRead, BusDown."""
        name = checked_name(name)
        known = name in await self.names(scope)

        def without(before: bytes | None) -> bytes:
            names = {} if before is None else _decoded(before, scope)
            return msgspec.json.encode({other: at for other, at in names.items() if other != name})

        if known:
            await changed(self._bucket, _names_key(scope), without)
        await self._bucket.delete(_value_key(scope, name))
        return known

    async def _value(self, scope: Scope, name: str) -> str:
        key = _value_key(scope, name)
        found = await self._bucket.get(key)
        if found is None:
            raise CannotRead(f"the secret {name} of {scope.shown} is gone: set it again")
        return self._opened(key, found[0], name, scope)

    def _locked(self, key: str, value: str) -> bytes:
        # Imported here: whoever lists names needs no cryptography, and it costs a cold start milliseconds.
        from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_encrypt as encrypt

        nonce = os.urandom(NONCE_BYTES)
        return nonce + bytes(encrypt(value.encode(), key.encode(), nonce, self._secret_key()))

    def _opened(self, key: str, data: bytes, name: str, scope: Scope) -> str:
        from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt as decrypt
        from nacl.exceptions import CryptoError

        try:
            opened = decrypt(data[NONCE_BYTES:], key.encode(), data[:NONCE_BYTES], self._secret_key())
            return bytes(opened).decode()
        except (CryptoError, ValueError, TypeError):
            raise CannotRead(
                f"the secret {name} of {scope.shown} does not open with this key: set it again, or give the key that "
                "it was set with"
            ) from None

    def _secret_key(self) -> bytes:
        if self._key is None:
            raise CannotRead("there is no key for secrets")
        return self._key


def _decoded(data: bytes, scope: Scope) -> dict[str, datetime]:
    try:
        return _names.decode(data)
    except msgspec.DecodeError as error:
        raise CannotRead(f"the names of the secrets of {scope.shown} cannot be read: {error}") from None


def _names_key(scope: Scope) -> str:
    return f"names.{scope.key}"


def _value_key(scope: Scope, name: str) -> str:
    return f"values.{scope.key}.{name}"
