"""The key that secrets are kept under: 32 random bytes, as 64 hexadecimal digits, from the environment or from a file
of the home. Only the command line and the scheduler ask for it.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

KEY_BYTES = 32
KEY_FILE = "secrets.key"


class NoKey(Exception):
    """There is no usable key; the message says what to do, and never what was found."""


def read_key(given: str, home: Path) -> bytes:
    """Of the setting, else of the home's file. Raises NoKey."""
    if given:
        return _decoded(given, "FIREBREAK_SECRETS_KEY")
    path = home / KEY_FILE
    try:
        return _decoded(path.read_text().strip(), str(path))
    except (OSError, UnicodeDecodeError):
        raise NoKey(
            f"there is no key for secrets: set FIREBREAK_SECRETS_KEY_FILE to a file with 64 hexadecimal digits "
            f"(`openssl rand -hex 32`), or let `firebreak up` make {path}"
        ) from None


def ensure_key(home: Path) -> Path:
    """Makes the home's key where there is none; nobody but its owner can read it."""
    path = home / KEY_FILE
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(KEY_BYTES) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return path


def _decoded(text: str, where: str) -> bytes:
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise NoKey(f"{where}: expected {2 * KEY_BYTES} hexadecimal digits, as `openssl rand -hex 32` prints them")
    return key
