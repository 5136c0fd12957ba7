"""Files that fix what a package manager installs, by their names: in a plan, for whoever says what is worth keeping.

Names alone, and of a repository's root alone: a lockfile in a folder below is not looked for, as that would cost every
delivery a walk through the whole tree. Nothing here reads such a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

LOCKFILES: Final[Mapping[str, tuple[str, ...]]] = {
    "uv": ("uv.lock",),
    "poetry": ("poetry.lock",),
    "pipenv": ("Pipfile.lock",),
    "pip": ("requirements.txt",),
    "npm": ("package-lock.json", "npm-shrinkwrap.json"),
    "pnpm": ("pnpm-lock.yaml",),
    "yarn": ("yarn.lock",),
    "bun": ("bun.lock", "bun.lockb"),
    "cargo": ("Cargo.lock",),
    "go": ("go.sum",),
    "maven": ("pom.xml",),
    "gradle": ("gradle.lockfile", "build.gradle", "build.gradle.kts"),
    "bundler": ("Gemfile.lock",),
    "composer": ("composer.lock",),
}
"""By tool; of several names the first that is there counts. pip, Maven and Gradle seldom have more than a list of what
is wanted, and that is what their caches are keyed by."""

_NAMES = frozenset(name for names in LOCKFILES.values() for name in names)


def lockfiles_among(names: Iterable[str]) -> tuple[str, ...]:
    """Sorted: the same files in any order give the same plan. Names are compared as they are written."""
    return tuple(sorted(_NAMES.intersection(names)))
