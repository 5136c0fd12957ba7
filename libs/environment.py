"""Typed look-ups in the environment's variables; a value that is wrong is an error that names the variable.

It knows what a port or a list of networks looks like, and no setting: those are `libs.settings`. A secret may come by
file, and nothing else here opens one; nothing opens a socket.
"""

from __future__ import annotations

import difflib
import ipaddress
import socket
from collections.abc import Mapping, Set
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from libs.contracts.ids import HostId, parse_host_id
from libs.contracts.size import Size, parse_size

SECRET_BYTES = 64 * 1024
"""Of a file that holds one secret: a key of 16,384 bits is 13 KB. Whoever names a disk by mistake is told so."""

Word = TypeVar("Word", bound=str)


class BadSetting(Exception):
    """A variable's value, or a name of ours that does not exist; the message names it and says what is expected."""


class Environment:
    """Typed look-ups that name the variable when its value is wrong. An empty value counts as unset."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def refuse_unknown(self, prefix: str, known: Set[str]) -> None:
        """Names that begin with the prefix and are none that there are."""
        for name in self._variables:
            if name.startswith(prefix) and name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(sorted(known))}"
                raise BadSetting(f"{name} is no setting of Firebreak{hint}")

    def has(self, name: str) -> bool:
        return bool(self._variables.get(name))

    def text(self, name: str, default: str) -> str:
        return self._variables.get(name) or default

    def secret(self, name: str) -> str:
        """The variable's value, or what the file holds that `<name>_FILE` names, without the line's end."""
        path = self.path(f"{name}_FILE")
        if path is None:
            return self.text(name, "")
        if self.has(name):
            raise BadSetting(f"{name} and {name}_FILE are both set: which of them is meant? Unset one")
        return _secret_in(path, f"{name}_FILE={path}")

    def path(self, name: str) -> Path | None:
        value = self.text(name, "")
        return Path(value).expanduser().absolute() if value else None

    def paths(self, name: str) -> tuple[Path, ...]:
        return tuple(Path(part).expanduser().absolute() for part in self.list(name, ()))

    def whole(self, name: str, default: int, least: int, most: int) -> int:
        value = self.text(name, str(default))
        try:
            number = int(value)
        except ValueError:
            raise BadSetting(f"{name}={value!r}: expected a whole number") from None
        if not least <= number <= most:
            raise BadSetting(f"{name}={value}: expected {least} to {most}")
        return number

    def port(self, name: str, default: int) -> int:
        return default if not self.has(name) else self.whole(name, default, 0, 65535)

    def switch(self, name: str, default: bool) -> bool:
        words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
        value = self.text(name, str(default)).lower()
        if value not in words:
            raise BadSetting(f"{name}={value!r}: expected true or false")
        return words[value]

    def choice(self, name: str, words: tuple[Word, ...], default: Word) -> Word:
        value = self.text(name, default)
        for word in words:
            if word == value:
                return word
        raise BadSetting(f"{name}={value!r}: expected one of {', '.join(words)}")

    def words(self, name: str, known: tuple[Word, ...]) -> tuple[Word, ...]:
        """Any of the known words, each at most once."""
        given = self.list(name, ())
        strange = [word for word in given if word not in known]
        if strange:
            raise BadSetting(f"{name}={self._variables[name]!r}: expected some of {', '.join(known)}")
        return tuple(word for word in known if word in given)

    def list(self, name: str, default: tuple[str, ...]) -> tuple[str, ...]:
        if not self.has(name):
            return default
        return tuple(part.strip() for part in self._variables[name].split(",") if part.strip())

    def named(self, name: str) -> dict[str, str]:
        """The variables whose names the value lists, those that are set."""
        return {other: self._variables[other] for other in self.list(name, ()) if other in self._variables}

    def url(self, name: str, default: str, schemes: tuple[str, ...]) -> str:
        value = self.text(name, default).rstrip("/")
        parts = urlsplit(value)
        if parts.scheme not in schemes or not parts.netloc:
            raise BadSetting(f"{name}={value!r}: expected a URL that begins with {' or '.join(schemes)}://")
        return value

    def host_id(self, name: str) -> HostId:
        default = "".join(c if c.isalnum() or c in "-_" else "-" for c in socket.gethostname().lower())[:63].strip("-_")
        value = self.text(name, default or "host")
        try:
            return parse_host_id(value)
        except ValueError as error:
            raise BadSetting(f"{name}: {error}") from None

    def addresses(self, name: str) -> tuple[str, ...]:
        values = self.list(name, ())
        for value in values:
            try:
                ipaddress.ip_network(value, strict=False)
            except ValueError:
                raise BadSetting(f"{name}: {value!r} is no address and no network") from None
        return values

    def places(self, name: str) -> tuple[str, ...]:
        """`address[/bits][:port]`, IPv4."""
        values = self.list(name, ())
        for value in values:
            network, _, port = value.partition(":")
            try:
                ipaddress.IPv4Network(network, strict=False)
                valid = not port or 1 <= int(port) <= 65535
            except ValueError:
                valid = False
            if not valid:
                raise BadSetting(f"{name}: {value!r}: expected an IPv4 address or network, and a port: 10.0.0.5:5432")
        return values

    def size(self, name: str) -> Size | None:
        value = self.text(name, "")
        size = parse_size(value) if value else None
        if value and size is None:
            raise BadSetting(f"{name}={value!r}: expected a size such as 2cpu-4gb or 1cpu-512mb")
        return size


def _secret_in(path: Path, name: str) -> str:
    """`name` is the setting, for errors; they never hold what the file does."""
    try:
        with path.open("rb") as file:
            content = file.read(SECRET_BYTES + 1)
        secret = content.decode().rstrip("\r\n")
    except OSError as error:
        raise BadSetting(
            f"{name}: {error.strerror or 'it cannot be read'}; the user of this process must be able to read it"
        ) from None
    except UnicodeDecodeError:
        raise BadSetting(f"{name}: expected text, and it is not UTF-8") from None
    if len(content) > SECRET_BYTES:
        raise BadSetting(f"{name}: over {SECRET_BYTES} bytes; expected a file with one secret in it")
    if not secret:
        raise BadSetting(f"{name}: it is empty; expected the secret")
    return secret
