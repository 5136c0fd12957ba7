"""The figures as people read them, and as one JSON object."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tests.bench.figures import Figure

HEAD = ("what", "measured", "limit beside it", "ratio", "target", "reached")


class Row(msgspec.Struct, frozen=True):
    """A figure with what follows from it."""

    figure: Figure
    ratio: float | None
    target: float | None
    reached: bool | None


class Report(msgspec.Struct, frozen=True):
    machine: str
    time: str
    seconds: float
    rows: tuple[Row, ...]
    failed: dict[str, str]


def report(machine: str, time: str, seconds: float, figures: Sequence[Figure], failed: dict[str, str]) -> Report:
    rows = tuple(Row(figure, figure.ratio, figure.target, figure.reached) for figure in figures)
    return Report(machine, time, seconds, rows, failed)


def markdown(shown: Report) -> str:
    """A table whose source is as legible as what it renders to."""
    cells = [HEAD, *(_cells(row) for row in shown.rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEAD))]
    lines = [_line(line, widths) for line in cells]
    lines.insert(1, _line(tuple("-" * width for width in widths), widths))
    notes = [f"Not measured: {part}: {why}" for part, why in shown.failed.items()]
    told = f"{shown.machine}; {shown.time}; measured in {shown.seconds:.0f} s"
    return "\n".join([told, "", *lines, *(["", *notes] if notes else [])])


def _cells(row: Row) -> tuple[str, ...]:
    figure = row.figure
    limit = "" if figure.limit is None else f"{_number(figure.limit)} {figure.unit} ({figure.limit_is})"
    return (
        figure.what,
        f"{_number(figure.measured)} {figure.unit}",
        limit,
        "" if row.ratio is None else f"{row.ratio:.2f}",
        _target(figure),
        "" if row.reached is None else "yes" if row.reached else "no",
    )


def _target(figure: Figure) -> str:
    if figure.target is None:
        return ""
    bound = "at least" if figure.better == "more" else "at most"
    how = "" if figure.times_limit is None else f" ({figure.times_limit:g} x limit)"
    return f"{bound} {_number(figure.target)} {figure.unit}{how}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _line(cells: tuple[str, ...], widths: Sequence[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"
