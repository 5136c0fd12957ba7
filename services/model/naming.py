"""Which hosts and container images the commands of a script name. Heuristics over words; nothing is run or resolved."""

from __future__ import annotations

import re
import shlex
from itertools import pairwise

_SEPARATOR = re.compile(r"[;&|\n()]+")
_VISITING = frozenset(
    {"curl", "wget", "http", "https", "ssh", "scp", "sftp", "rsync", "nc", "ncat", "netcat", "socat", "telnet", "ftp"}
    | {"ping", "dig", "nslookup", "host", "aria2c", "ssh-keyscan", "openssl"}
)
_ENGINES = frozenset({"docker", "podman", "nerdctl", "buildah", "skopeo", "crane"})
_NAMING = frozenset({"run", "pull", "push", "create", "login", "copy", "tag", "from", "manifest"})
_HOST = re.compile(
    r"(?:[\w.+-]+@([\w.-]+)|((?:[a-z0-9-]+\.)+[a-z]{2,}|localhost|[a-z0-9-]+(?=:\d)))(?::\S*|/\S*)?", re.IGNORECASE
)
_WRAPPERS = frozenset(
    {"sudo", "time", "exec", "command", "nohup", "env", "nice", "xargs", "timeout", "then", "do", "!"}
)
_TAKES_A_FILE = frozenset({"-o", "--output", "-O", "--output-document", "-T", "--upload-file", "-i", "-F", "-c", "-b"})
_WITH_VALUE = re.compile(
    r"-[vepuwlhm]$|--(?:volume|env|publish|user|workdir|name|network|label|hostname|mount|memory"
    r"|entrypoint|platform|env-file|cpus|add-host|username|password)$"
)


def visited_in(script: str) -> tuple[str, ...]:
    """Names with a dot, or before a port, that are told to programs which go there."""
    found: set[str] = set()
    for program, words in _commands(script):
        if program in _VISITING:
            for word in _arguments(words, _TAKES_A_FILE):
                match = _HOST.fullmatch(word)
                if match is not None and not word.startswith(("./", "/")):
                    found.add((match[1] or match[2]).lower())
    return tuple(sorted(found))


def images_in(script: str) -> tuple[str, ...]:
    """Of `docker run`, `pull`, `push` and the like; where `build` pushes, what it tags."""
    found: set[str] = set()
    for program, words in _commands(script):
        if program not in _ENGINES or not words:
            continue
        verb, rest = words[0], words[1:]
        if verb in ("image", "buildx") and rest:
            verb, rest = rest[0], rest[1:]
        if verb in ("run", "create"):
            found.update(_first(rest))
        elif verb in _NAMING:
            found.update(_operands(rest) or ([verb] if verb == "login" else []))
        elif verb == "build" and "--push" in rest:
            found.update(value for flag, value in pairwise(rest) if flag in ("-t", "--tag"))
    return tuple(sorted(found))


def _commands(script: str) -> list[tuple[str, list[str]]]:
    """Program and words of each simple command, quotes removed where they are whole."""
    commands: list[tuple[str, list[str]]] = []
    for part in _SEPARATOR.split(script.replace("\\\n", " ")):
        words = _words(part)
        while words and (words[0] in _WRAPPERS or ("=" in words[0] and not words[0].startswith("-"))):
            words = words[1:]
        if words:
            commands.append((words[0].rpartition("/")[2].lower(), words[1:]))
    return commands


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text, comments=True)
    except ValueError:
        return text.split()


def _arguments(words: list[str], with_file: frozenset[str]) -> list[str]:
    """Without options, and without the files that some of them name."""
    kept = [word for before, word in zip(["", *words], words, strict=False) if before not in with_file]
    return [word for word in kept if not word.startswith("-")]


def _operands(words: list[str]) -> list[str]:
    kept = [word for before, word in zip(["", *words], words, strict=False) if not _WITH_VALUE.match(before)]
    return [word for word in kept if not word.startswith("-")]


def _first(words: list[str]) -> list[str]:
    """The image: the first word that is neither an option nor an option's value."""
    return _operands(words)[:1]
