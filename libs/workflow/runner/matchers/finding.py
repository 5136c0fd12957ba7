"""What a match says, and what of it is a problem: its level, its place, and where its file would lie."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass

_LEVELS = {"": "error", "error": "error", "warning": "warning", "notice": "notice"}
_COLOURS = re.compile(r"\x1b\[[0-9;]*m?")


@dataclass(frozen=True, slots=True)
class Finding:
    """The texts of the groups; None where no pattern names one, empty where the group took no part."""

    file: str | None = None
    line: str | None = None
    column: str | None = None
    severity: str | None = None
    code: str | None = None
    message: str | None = None
    from_path: str | None = None


def without_colours(line: str) -> str:
    return _COLOURS.sub("", line) if "\x1b[" in line else line


def level_of(finding: Finding) -> str | None:
    """`error`, `warning` or `notice`; None: another severity, of which the runner makes nothing."""
    return _LEVELS.get((finding.severity or "").lower())


def is_problem(finding: Finding) -> bool:
    return bool((finding.message or "").strip()) and level_of(finding) is not None


def number(text: str | None) -> int | None:
    """Digits and nothing else, as the runner parses it."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None


def path_of(finding: Finding, workspace: str) -> str:
    """The file's absolute path, from the folder of `fromPath`, then from the workspace. Empty: no file is named."""
    file = finding.file or ""
    if not file.strip():
        return ""
    folder = posixpath.dirname(finding.from_path or "")
    if folder.strip() and not file.startswith("/"):
        file = posixpath.join(folder, file)
    return posixpath.normpath(posixpath.join(workspace, file))
