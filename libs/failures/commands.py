"""What kind of command a step is: `npm ci`, `pytest`, `actions/setup-node (cache)`, for statistics over many steps.

Made of the step as it is written in its workflow, never of what an expression gave: it holds nobody's secret. A program
and what it is told to do, without arguments; of a script of several commands the most telling one: a test before an
installation, that before any other, and what only prints or moves files last; of equals the first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from libs.failures.scripts import COMPUTED, commands_of
from libs.failures.tools import TRIVIAL, classed, weight

COMMAND_CHARACTERS: Final = 80
"""Of a class in an event; a real one has twenty."""
UNKNOWN: Final = "(computed)"
_INPUTS: Final = ("cache", "bundler-cache", "enable-cache")
"""How actions call the input that makes them keep what they install."""
_NO: Final = frozenset({"", "false", "no", "off", "0"})
_UNSAFE: Final = re.compile(r"[^!-~ ]+")


def command_class(
    run: str | None, uses: str | None, shell: str | None = None, inputs: Mapping[str, object] | None = None
) -> str:
    """At most 80 printable ASCII characters; empty for a step that has neither. Of any text, it never raises."""
    if uses is not None:
        found = _action(uses, inputs or {})
    elif run is not None:
        found = _script(run, shell or "")
    else:
        found = ""
    return " ".join(_UNSAFE.sub("?", found).split())[:COMMAND_CHARACTERS].rstrip()


def _action(uses: str, inputs: Mapping[str, object]) -> str:
    if "${{" in uses:
        return UNKNOWN
    if uses.startswith("docker://"):
        return "docker://" + re.sub(r"(?<=.)[@:](?!.*/).*$", "", uses.removeprefix("docker://"))
    name, _, version = uses.partition("@")
    return f"{name} (cache)" if _keeps(name, version, inputs) else name


def _keeps(name: str, version: str, inputs: Mapping[str, object]) -> bool:
    """`actions/setup-go` does so without being told, since its version 4."""
    if "setup" not in name:
        return False
    told = [str(inputs[key]).strip().lower() for key in _INPUTS if key in inputs]
    if not told and name.lower() == "actions/setup-go":
        return re.match(r"v[123]\b", version) is None
    return any(each not in _NO for each in told)


def _script(run: str, shell: str) -> str:
    program = re.split(r"[\s/\\]", shell.strip().split(" ")[0])[-1].removesuffix(".exe") if shell.strip() else ""
    if "${{" in shell:
        return UNKNOWN
    if program not in ("", "bash", "sh", "dash", "zsh", "ksh", "busybox", "pwsh", "powershell", "cmd"):
        return f"{program} (script)"
    return _most_telling(commands_of(run))


def _most_telling(commands: Iterable[Sequence[str]]) -> str:
    best, weighs = "", -1
    for words in commands:
        found = UNKNOWN if words[0] == COMPUTED else classed(words)
        weight_of_it = weight(found) if found != UNKNOWN else TRIVIAL + 1
        if found and weight_of_it > weighs:
            best, weighs = found, weight_of_it
    return best
