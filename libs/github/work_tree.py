"""A folder as it lies there: its workflow files, what differs from the newest commit, and a copy of that difference.

`.gitignore` is honoured where the folder is in git; nothing is written to it, not even git's index.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from libs.github.clone import Clone
from libs.github.git import GitFailed
from libs.repositories import MAX_WORKFLOW_BYTES, MAX_WORKFLOW_FILES, WorkflowFile
from libs.sources import SourceError, SourceMissing

STATUS_SECONDS = 60.0
"""git looks at every file once; a million of them take that long on a slow disk."""
IGNORED = frozenset({".git"})


@dataclass(frozen=True, slots=True)
class WorkTree:
    """`clone` is None where the folder is not in git."""

    path: Path
    clone: Clone | None

    async def files(self) -> list[str]:
        """What would be committed if everything were: tracked and new files that exist, without ignored ones. Without
        git: everything at the top, folders whole."""
        if self.clone is None:
            return sorted(name for name in os.listdir(self.path) if name not in IGNORED)
        return _existing(self.path, await self._git("ls-files", "-z", "--cached", "--others", "--exclude-standard"))

    async def changes(self) -> list[str]:
        """Paths that differ from the newest commit: changed, new or gone."""
        if self.clone is None:
            return []
        command = ("status", "--porcelain", "-z", "--untracked-files=all", "--no-renames", "--ignore-submodules=all")
        return [line[3:] for line in await self._git(*command) if not line.endswith("/")]

    async def overlay(self, folder: Path) -> None:
        """Makes a checkout of the newest commit look like this folder."""
        for name in await self.changes():
            _copy(self.path / name, folder / name)

    def workflows(self, places: tuple[str, ...]) -> list[WorkflowFile]:
        """Raises SourceError where there are too many."""
        paths = dict.fromkeys(path for place in places for path in _workflow_paths(self.path, place))
        if len(paths) > MAX_WORKFLOW_FILES:
            raise SourceError(f"{len(paths)} workflow files; {MAX_WORKFLOW_FILES} are the most")
        return [_read(self.path, path) for path in paths]

    def root_files(self) -> tuple[str, ...]:
        with os.scandir(self.path) as entries:
            return tuple(entry.name for entry in entries if entry.is_file(follow_symlinks=False))

    async def _git(self, *command: str) -> list[str]:
        assert self.clone is not None
        git, directory = self.clone.git, self.clone.directory
        try:
            output = await git.run(*command, directory=directory, work_tree=self.path, seconds=STATUS_SECONDS)
        except GitFailed as error:
            raise SourceMissing(f"{self.path}: {error}") from None
        return [part for part in os.fsdecode(output).split("\0") if part]


def _existing(root: Path, names: list[str]) -> list[str]:
    return sorted({name for name in names if not name.endswith("/") and os.path.lexists(root / name)})


def _copy(source: Path, target: Path) -> None:
    if target.is_symlink() or target.is_file():
        target.unlink()
    if not source.is_symlink() and not source.is_file():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target, follow_symlinks=False)


def _workflow_paths(root: Path, place: str) -> list[str]:
    if place.endswith((".yml", ".yaml")):
        return [place] if os.path.lexists(root / place) else []
    folder = root / place
    names = sorted(os.listdir(folder)) if folder.is_dir() else []
    return [f"{place}/{name}" for name in names if name.endswith((".yml", ".yaml")) and not (folder / name).is_dir()]


def _read(root: Path, path: str) -> WorkflowFile:
    file = root / path
    path = os.fsencode(path).decode("utf-8", "replace")  # a name that is no text, as in a clone
    if file.is_symlink() or not file.is_file():
        return WorkflowFile(path, b"", "a workflow has to be a plain file, not a symbolic link")
    if file.stat().st_size > MAX_WORKFLOW_BYTES:
        return WorkflowFile(path, b"", f"the file is larger than {MAX_WORKFLOW_BYTES} bytes")
    return WorkflowFile(path, file.read_bytes())
