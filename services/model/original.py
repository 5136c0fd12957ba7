"""What a piece of a workflow already names: expressions, network names, variables that look like secrets, pipes.

A proposal may name these and no others. This finds what people write; it is no parser of shell, and who hides a name on
purpose can: nothing that passes here runs without a person's commit.
"""

from __future__ import annotations

import re

from msgspec import Struct

_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_SECRET = re.compile(
    r"\b[A-Za-z0-9_]*(?:token|secret|passw(?:or)?d|credential|api_?key|private_?key|access_?key)[A-Za-z0-9_]*\b",
    re.IGNORECASE,
)
_VARIABLE = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)")
_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://(?:[^\s/@'\"]*@)?([^\s/:'\"<>|)`\\]+)")
_AT = re.compile(r"\b[\w.+-]+@([a-zA-Z0-9-]+(?:\.[a-zA-Z0-9-]+)+|[a-zA-Z0-9-]+(?=:))")
_ADDRESS = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])|(?<![\w:])(?:[0-9a-fA-F]{1,4}:){3,7}[0-9a-fA-F:]+")
_DOMAIN = re.compile(r"(?<![\w./@-])(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?\.)+([a-zA-Z]{2,})(?![\w-])")
_DEVICE = re.compile(r"/dev/(?:tcp|udp)/([^/\s]+)")
_TOP = frozenset(
    {"com", "org", "net", "io", "dev", "co", "edu", "gov", "info", "biz", "xyz", "cloud", "site", "online", "onion"}
    | {"uk", "de", "fr", "eu", "nl", "ch", "ru", "cn", "jp", "br"}
)
"""Endings of names that are no usual endings of files; the others count where a program is told to go there."""


class Original(Struct, frozen=True):
    """Each in lower case and sorted; `text` is whole, with its white space made single blanks."""

    text: str
    expressions: tuple[str, ...]
    hosts: tuple[str, ...]
    secrets: tuple[str, ...]


def original_of(text: str) -> Original:
    return Original(one_line(text).lower(), expressions_in(text), hosts_in(text), secrets_in(text))


def one_line(text: str) -> str:
    """White space does not tell two texts apart, nor does a line that goes on in the next one."""
    return " ".join(text.replace("\\\n", " ").split())


def expressions_in(text: str) -> tuple[str, ...]:
    return tuple(sorted({"".join(found.split()).lower() for found in _EXPRESSION.findall(text)}))


def secrets_in(text: str) -> tuple[str, ...]:
    """Names of variables and of secrets, wherever they stand."""
    return tuple(sorted({found.lower() for found in _SECRET.findall(text)}))


def secret_variables_in(script: str) -> tuple[str, ...]:
    """Those that a script reads from its environment."""
    return tuple(sorted({name.lower() for name in _VARIABLE.findall(script) if _SECRET.fullmatch(name)}))


def hosts_in(text: str) -> tuple[str, ...]:
    found = {host.lower().rstrip(".") for pattern in (_URL, _AT, _DEVICE) for host in pattern.findall(text)}
    found |= {address.lower() for address in _ADDRESS.findall(text)}
    found |= {match[0].lower() for match in _DOMAIN.finditer(text) if match[1].lower() in _TOP}
    return tuple(sorted(found))
