"""The key to which secrets for this host are sealed: made anew at each boot, kept in memory alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from nacl.public import PrivateKey


class CannotOpen(Exception):
    """The sealed secrets are not for this boot of the host."""


class HostKey:
    """X25519. Where nobody seals anything (a local run), `public` is empty and no cryptography is loaded."""

    def __init__(self, *, enabled: bool = True) -> None:
        self._private: PrivateKey | None = None
        self.public = b""
        if enabled:
            # Imported here: it costs a cold start tens of milliseconds, and a local run has nothing sealed.
            from nacl.public import PrivateKey

            self._private = PrivateKey.generate()
            self.public = bytes(self._private.public_key)

    def open(self, sealed: bytes) -> dict[str, str]:
        """Name -> value; nothing sealed, no secrets. Raises CannotOpen."""
        if not sealed:
            return {}
        if self._private is None:
            raise CannotOpen("secrets are sealed, and this host showed no key")
        from nacl.exceptions import CryptoError
        from nacl.public import SealedBox

        try:
            return msgspec.json.decode(SealedBox(self._private).decrypt(sealed), type=dict[str, str])
        except (CryptoError, msgspec.DecodeError):
            raise CannotOpen("the sealed secrets are not for this boot of the host") from None
