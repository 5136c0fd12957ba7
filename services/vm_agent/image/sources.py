"""Which apt sources an image is built from: this host's own, where they are Debian's for the image's suite.

So a build uses the mirror that the host's owner chose, and no mirror's name stands here; where the host has none,
mmdebstrap's default is taken. Pure but for `of_host`. Other vendors' sources never go into an image.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

APT = Path("/etc/apt")
KEYRING = "debian-archive-"
"""Begins the name of the file that Debian's own keys are in."""
_LINE = re.compile(r"deb\s+(?:\[(?P<options>[^]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s+(?P<components>\S.*)")


def of_host(suite: str, apt: Path = APT) -> str:
    """A list of sources, one a line, or nothing."""
    texts = {path: path.read_text(errors="replace") for path in _files(apt)}
    found = [line for path, text in texts.items() for line in (_stanzas if path.suffix == ".sources" else _lines)(text)]
    return chosen(found, suite)


def chosen(lines: Iterable[str], suite: str) -> str:
    """Those of Debian for this suite, its updates and its security updates; none without the suite itself."""
    wanted = {suite, f"{suite}-updates", f"{suite}-security", f"{suite}/updates"}
    kept = [line for line in lines if (match := _LINE.fullmatch(line)) and match["suite"] in wanted and _debian(match)]
    whole = any((match := _LINE.fullmatch(line)) and match["suite"] == suite for line in kept)
    return "".join(f"{line}\n" for line in dict.fromkeys(kept)) if whole else ""


def _debian(match: re.Match[str]) -> bool:
    """Not of another vendor, and of no use to a guest alone: a path of this host, or a password."""
    try:
        uri = urlsplit(match["uri"])
    except ValueError:
        return False
    named = any(part.startswith("debian") for part in uri.path.split("/"))
    public = uri.scheme in ("http", "https") and "@" not in uri.netloc
    return public and "main" in match["components"].split() and (named or KEYRING in (match["options"] or ""))


def _files(apt: Path) -> list[Path]:
    parts = sorted(path for path in (apt / "sources.list.d").glob("*") if path.suffix in (".list", ".sources"))
    return [path for path in (apt / "sources.list", *parts) if path.is_file()]


def _lines(text: str) -> list[str]:
    """Of a file in the old form."""
    return [line.partition("#")[0].strip() for line in text.splitlines() if line.startswith("deb")]


def _stanzas(text: str) -> list[str]:
    """Of a file in the new form (deb822), as lines in the old one."""
    found: list[str] = []
    for stanza in re.split(r"\n\s*\n", text):
        fields = _fields(stanza)
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() in ("no", "false"):
            continue
        signed = fields.get("signed-by", "").strip()
        options = f"[signed-by={signed}] " if signed.startswith("/") and " " not in signed else ""
        found += [
            f"deb {options}{uri} {suite} {' '.join(fields.get('components', '').split())}"
            for uri in fields.get("uris", "").split()
            for suite in fields.get("suites", "").split()
        ]
    return found


def _fields(stanza: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    name = ""
    for line in stanza.splitlines():
        if line.startswith("#"):
            continue
        if line[:1].isspace():
            fields[name] = f"{fields.get(name, '')} {line.strip()}"
        elif ":" in line:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            fields[name] = value.strip()
    return fields
