"""The simple commands of a shell script, each as its words, as far as that can be told without running it.

No shell's grammar: `shlex` splits the words, and what stands between commands separates them, wherever it stands. What
cannot be split is split at its spaces. Comments, here-documents, redirections, assignments and keywords are left out.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Final

SCRIPT_CHARACTERS: Final = 20_000
COMMANDS: Final = 200
"""Of a script that are looked at: what it is for stands in its first lines."""
DEPTH: Final = 3
"""Of `bash -c` within `bash -c`."""
COMPUTED: Final = "\ue000"
"""Stands for a program that is known only when it runs."""

_EXPRESSION = re.compile(r"\$\{\{.*?(?:\}\}|$)", re.DOTALL)
_HERE = re.compile(r"<<-?\s*(['\"]?)([A-Za-z_]\w*)\1")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*(?:\[[^\]]*\])?\+?=")
_KEYWORDS: Final = frozenset(
    {"if", "then", "else", "elif", "fi", "do", "done", "while", "until", "esac", "{", "}", "!", "time", "in", "coproc"}
)
_HEADS: Final = frozenset(
    {"for", "case", "select", "function", "[[", "[", "((", "export", "local", "declare", "readonly"}
)
"""What follows them on their line are no commands."""
_BEFORE: Final = frozenset(
    {"sudo", "doas", "env", "nice", "nohup", "exec", "command", "builtin", "time", "stdbuf"}
    | {
        "ionice",
        "xvfb-run",
        "timeout",
        "setsid",
        "unbuffer",
        "caffeinate",
        "winpty",
        "dbus-run-session",
        "taskset",
        "retry",
    }
)
_VALUED: Final = {
    "sudo": {"-u", "-g", "--user", "--group"},
    "nice": {"-n"},
    "timeout": {"-s", "-k", "--signal", "--kill-after"},
    "xvfb-run": {"-s", "-n", "--server-args", "--server-num"},
    "env": {"-u", "-C", "--unset", "--chdir"},
    "ionice": {"-c", "-n"},
    "taskset": {"-c"},
}
_SHELLS: Final = frozenset({"bash", "sh", "dash", "zsh", "ksh"})
_SEPARATORS: Final = ";&|()\n"


def commands_of(script: str, depth: int = 0) -> Iterator[list[str]]:
    """Each has at least its program. Never raises."""
    given = 0
    for words in _split(_EXPRESSION.sub(COMPUTED, script[:SCRIPT_CHARACTERS].replace("\r\n", "\n"))):
        stripped = _stripped(words)
        if not stripped:
            continue
        inner = _inner(stripped) if depth < DEPTH else None
        for found in [stripped] if inner is None else commands_of(inner, depth + 1):
            yield found
            given += 1
            if given >= COMMANDS:
                return


def _split(script: str) -> Iterator[list[str]]:
    lexer = shlex.shlex(_without_comments(script), posix=True, punctuation_chars=";&|()<>\n")
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t\r\f\v", True, ""
    words: list[str] = []
    try:
        tokens = list(lexer)
    except ValueError:
        tokens = re.findall(r"[;&|()\n]+|[^\s;&|()]+", _without_comments(script))
    skip = False
    for token in tokens:
        if set(token) <= set("<>&|;()\n") and set(token) & set("<>"):
            skip = "\n" not in token
        elif set(token) <= set(_SEPARATORS):
            skip = False
            if token.startswith("()"):
                words = []
            if words:
                yield words
            words = []
        elif skip:
            skip = False
        else:
            words.append(token)
    if words:
        yield words


def _without_comments(script: str) -> str:
    """And without here-documents, with lines joined that go on."""
    kept: list[str] = []
    until = ""
    for line in script.replace("\\\n", " ").split("\n"):
        if until:
            until = "" if line.strip() == until else until
            continue
        bare = _bare(line)
        here = _HERE.search(bare)
        until = here[2] if here else ""
        kept.append(bare)
    return "\n".join(kept)


def _bare(line: str) -> str:
    """Without its comment: a `#` behind a space that no quote is open at."""
    if line.lstrip().startswith("#"):
        return ""
    for found in re.finditer(r"\s#", line):
        before = line[: found.start()]
        if before.count("'") % 2 == 0 and before.count('"') % 2 == 0:
            return before
    return line


def _stripped(words: list[str]) -> list[str]:
    """From the program on; empty where there is none."""
    place = 0
    while place < len(words):
        word = words[place]
        if word in _KEYWORDS or _ASSIGNMENT.match(word):
            place += 1
        elif word in _HEADS:
            return [word] if word == "export" else []
        elif word in _BEFORE and place + 1 < len(words):
            place = _behind(words, place)
        elif "$" in word or COMPUTED in word:
            name = word.rpartition("/")[2]
            known = name and "$" not in name and COMPUTED not in name
            return [name if known else COMPUTED, *words[place + 1 :]]
        else:
            return words[place:] if re.fullmatch(r"[A-Za-z_.~/@][\w.+/~@:-]*", word) else []
    return []


def _behind(words: list[str], place: int) -> int:
    """Where the command begins that is run by another one: behind its options, and `timeout`'s duration."""
    by = words[place]
    place += 1
    while place < len(words) and words[place].startswith("-"):
        place += 2 if words[place] in _VALUED.get(by, ()) else 1
    return place + 1 if by in ("timeout", "taskset") else place


def _inner(words: list[str]) -> str | None:
    """What `bash -c` is given."""
    if words[0].rpartition("/")[2] not in _SHELLS:
        return None
    for place, word in enumerate(words[1:-1], 1):
        if re.fullmatch(r"-[a-z]*c", word):
            return words[place + 1]
        if not word.startswith(("-", "+")) and words[place - 1] != "-o":
            return None
    return None
