"""Which caches a repository does without: a lockfile, an install that takes long, and no step that keeps anything.

The texts are for people to paste into a workflow. Nothing here knows whether a cache is served; whether one is worth
keeping is told by `saved_ms`, once there are hits.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from statistics import median

import msgspec

from libs.workflow.lockfiles import LOCKFILES

LEAST_INSTALL_MS = 20_000.0
HIT_SHARE = 0.4
"""Of an install what stays with a hit: unpacking and linking. A guess until hits are measured, and told as one."""
RESTORE_MS = 5_000.0
"""A guess as well: a hundred megabytes from a near store, unpacked."""
CACHE_ACTION = "actions/cache@v4"


class CacheSuggestion(msgspec.Struct, frozen=True):
    """`path` (a line each) and `key` are inputs of `action`; `saving_ms` is an estimate for one run."""

    tool: str
    lockfile: str
    path: str
    key: str
    action: str
    saving_ms: float
    install_ms: float


class Tool(msgspec.Struct, frozen=True):
    """The commands that install, and what they leave behind."""

    installs: str
    paths: tuple[str, ...]


_PIP = r"(?<!uv )pip3?(\.\d+)? (install|wheel|download)"
_JVM = "(build|test|check|assemble|compile|package|verify|install|deploy)"
TOOLS: dict[str, Tool] = {
    "uv": Tool(r"uv (sync|run|pip install|pip sync)", ("~/.cache/uv",)),
    "poetry": Tool(r"poetry (install|sync)", ("~/.cache/pypoetry",)),
    "pipenv": Tool(r"pipenv (install|sync)", ("~/.cache/pip", "~/.cache/pipenv")),
    "pip": Tool(_PIP, ("~/.cache/pip",)),
    "npm": Tool(r"npm (ci|i|install)", ("~/.npm",)),
    "pnpm": Tool(r"pnpm (i|install)", ("~/.local/share/pnpm/store",)),
    "yarn": Tool(r"yarn( install|(?= --)|$)", ("~/.cache/yarn", "~/.yarn/berry/cache")),
    "cargo": Tool(
        r"cargo (build|test|check|clippy|fetch|run|install|nextest)",
        ("~/.cargo/registry", "~/.cargo/git", "target"),
    ),
    "go": Tool(r"go (build|test|vet|install|generate|mod download)", ("~/go/pkg/mod", "~/.cache/go-build")),
    "maven": Tool(rf"(mvn|\./mvnw)( -\S+)* {_JVM}", ("~/.m2/repository",)),
    "gradle": Tool(
        rf"(gradle|\./gradlew)( -\S+)* :?(\S+:)?{_JVM}",
        ("~/.gradle/caches", "~/.gradle/wrapper"),
    ),
    "bundler": Tool(r"bundle install", ("vendor/bundle",)),
    "composer": Tool(r"composer (install|update)", ("~/.cache/composer",)),
}
"""Lockfile -> path -> key, by the tools of `LOCKFILES`, with the folders that their documentation names on Linux. Of
one tool the first lockfile that is there is taken. Bundler's is where `bundle config path vendor/bundle` puts them."""

_INSTALLS = {name: re.compile(rf"(?<![\w./-]){tool.installs}(?![\w-])") for name, tool in TOOLS.items()}


def suggest(
    lockfiles: Sequence[str], install_steps: Mapping[str, float], has_cache: bool
) -> tuple[CacheSuggestion, ...]:
    """For a repository's lockfiles (paths) and the medians of its steps by normalised command; the dearest first.

    Suggested where a lockfile is there, no step keeps a cache, and the tool's slowest install has a median over 20 s.
    The saving is what the rule below is expected to give: install (1 - 0.4) - 5 s.

    Source: reference B 5; two thirds of repositories with an install do without a cache (ICSE'24).
    """
    if has_cache:
        return ()
    made = (_of_tool(name, tool, lockfiles, install_steps) for name, tool in TOOLS.items())
    return tuple(sorted((each for each in made if each), key=lambda each: -each.saving_ms))


def is_install(command: str) -> bool:
    """Whether a normalised command is one of a tool's installs, for which there could be a cache."""
    return any(pattern.search(command) for pattern in _INSTALLS.values())


def is_cache(command: str) -> bool:
    """Whether it is an action that keeps files between runs."""
    return command.startswith("actions/cache") or command.endswith(" (cache)")


def saved_ms(misses_ms: Sequence[float], hits_ms: Sequence[float], restore_ms: float) -> float | None:
    """median(miss) - median(hit) - restore: a cache is worth keeping where it is over 0. None without both."""
    if not misses_ms or not hits_ms:
        return None
    return median(misses_ms) - median(hits_ms) - restore_ms


def _of_tool(
    name: str, tool: Tool, lockfiles: Sequence[str], install_steps: Mapping[str, float]
) -> CacheSuggestion | None:
    lockfile = _first(LOCKFILES[name], lockfiles)
    installs = [took for command, took in install_steps.items() if _INSTALLS[name].search(command)]
    install_ms = max(installs, default=0.0)
    if lockfile is None or install_ms <= LEAST_INSTALL_MS:
        return None
    return CacheSuggestion(
        tool=name,
        lockfile=lockfile,
        path="\n".join(tool.paths),
        # By its name alone: a path is somebody else's text, and this is pasted into an expression.
        key=f"${{{{ runner.os }}}}-{name}-${{{{ hashFiles('**/{PurePosixPath(lockfile).name}') }}}}",
        action=CACHE_ACTION,
        saving_ms=install_ms * (1 - HIT_SHARE) - RESTORE_MS,
        install_ms=install_ms,
    )


def _first(names: Sequence[str], lockfiles: Sequence[str]) -> str | None:
    """The least deep one of the first name that there is."""
    for name in names:
        found = [path for path in lockfiles if PurePosixPath(path).name == name]
        if found:
            return min(found, key=lambda path: (path.count("/"), path))
    return None
