"""What a piece of a workflow already names: expressions, network names, variables that look like secrets.

A proposal may name these and no others. This finds what people write; it is no parser of shell, and who hides a name on
purpose can: nothing that passes here runs without a person's commit. Each look takes time in proportion to the text,
whatever stands in it: it is a stranger's.
"""

from __future__ import annotations

import re

from msgspec import Struct

_WORD = re.compile(r"[A-Za-z0-9_]+")
_SECRET = re.compile(
    r"token|secret|passw(?:or)?d|credential|api_?key|private_?key|access_?key",
    re.IGNORECASE,
)
_VARIABLE = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)")
_URL = re.compile(r"(?<![a-zA-Z0-9+.-])[a-zA-Z][a-zA-Z0-9+.-]{0,20}://([^\s/'\"<>|)`\\]+)")
_AT = re.compile(r"(?<=[\w.+-])@([a-zA-Z0-9-]+(?:\.[a-zA-Z0-9-]+)+|[a-zA-Z0-9-]+(?=:))")
_ADDRESS = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])|(?<![\w:])(?:[0-9a-fA-F]{1,4}:){3,7}[0-9a-fA-F:]+")
_DOTTED = re.compile(r"(?<![\w./@-])[a-zA-Z0-9-]+(?:\.[a-zA-Z0-9-]+)+(?![\w-])")
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
    """What stands in `${{ }}`, without its white space."""
    found: set[str] = set()
    begin = text.find("${{")
    while begin >= 0:
        end = text.find("}}", begin)
        if end < 0:
            break
        found.add("".join(text[begin + 3 : end].split()).lower())
        begin = text.find("${{", end)
    return tuple(sorted(found))


def without_expressions(text: str) -> str:
    """What is left of a text; one that does not end is left as it is."""
    kept: list[str] = []
    place = 0
    while (begin := text.find("${{", place)) >= 0 and (end := text.find("}}", begin)) >= 0:
        kept.append(text[place:begin])
        place = end + 2
    return "".join([*kept, text[place:]])


def secrets_in(text: str) -> tuple[str, ...]:
    """Names of variables and of secrets, wherever they stand."""
    return tuple(sorted({word.lower() for word in _WORD.findall(text) if _SECRET.search(word)}))


def secret_variables_in(script: str) -> tuple[str, ...]:
    """Those that a script reads from its environment."""
    return tuple(sorted({name.lower() for name in _VARIABLE.findall(script) if _SECRET.search(name)}))


def hosts_in(text: str) -> tuple[str, ...]:
    found = {_host(authority) for authority in _URL.findall(text)}
    found |= {host.lower() for pattern in (_AT, _DEVICE) for host in pattern.findall(text)}
    found |= {address.lower() for address in _ADDRESS.findall(text)}
    dotted = {name.lower() for name in _DOTTED.findall(text)}
    return tuple(sorted(found | {name for name in dotted if name.rpartition(".")[2] in _TOP}))


def _host(authority: str) -> str:
    """Of a URL, without a user and a port."""
    host = authority.rpartition("@")[2].lower()
    return host.partition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0].rstrip(".")
