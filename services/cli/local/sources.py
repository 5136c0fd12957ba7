"""What the jobs of a local run check out: the directory where they ask for its repository, any other where it is.

A step that names another repository must never be given this one: it would be green with the wrong files.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from libs.github.directory import Directory
from libs.sources import Source, Sources, Wanted


@dataclass(frozen=True, slots=True)
class LocalSources:
    """`others` has the repositories that have a name and no id: those that a step names."""

    directory: Directory
    others: Sources

    def checkout(self, wanted: Wanted) -> AbstractAsyncContextManager[Source]:
        return (self.directory if wanted.repository.id else self.others).checkout(wanted)
