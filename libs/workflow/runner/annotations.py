"""What `notice`, `warning` and `error` say about a place: GitHub's rules for lines and columns that do not fit.

A line without its end, a column without a line, an end before its beginning: each has one meaning in the runner, and
what has none is dropped, never the annotation.
"""

from __future__ import annotations

from dataclasses import dataclass

from libs.contracts.attempt import Annotation, AnnotationLevel
from libs.workflow.runner.command_syntax import Command

NUMBER_DIGITS = 9
"""Of a line or column: more is no place in a file."""


def annotation_of(level: AnnotationLevel, command: Command, workspace: str) -> Annotation:
    properties = command.properties
    place = _place(*(number_of(properties.get(key)) for key in ("line", "endline", "col", "endcolumn")))
    return Annotation(
        level=level,
        message=command.data,
        title=properties.get("title", ""),
        file=relative_to(properties.get("file", ""), workspace),
        line=place.line,
        end_line=place.end_line,
        column=place.column,
        end_column=place.end_column,
    )


def relative_to(file: str, workspace: str) -> str:
    """A file of the workspace by its path in it; any other as it was given."""
    return file.removeprefix(workspace.rstrip("/") + "/") if workspace else file


def number_of(text: str | None) -> int | None:
    digits = (text or "").strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= NUMBER_DIGITS else None


@dataclass(frozen=True, slots=True)
class _Place:
    line: int | None
    end_line: int | None
    column: int | None
    end_column: int | None


def _place(line: int | None, end_line: int | None, column: int | None, end_column: int | None) -> _Place:
    line = line if line is not None else end_line
    column = column if column is not None else end_column
    if line is None or (end_line is not None and end_line != line):
        column = end_column = None
    if line is not None and end_line is not None and end_line < line:
        line = end_line = None
    if column is not None and end_column is not None and end_column < column:
        column = end_column = None
    return _Place(line, end_line, column, end_column)
