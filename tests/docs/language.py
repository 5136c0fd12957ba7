"""docs/workflow-language.md: each row of the language, whether it works, and the tests that show it.

The tests say so themselves, by `@pytest.mark.row(...)`; they are read here, not run: `make test` runs them all.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import yaml

from tests.conformance.rows import NAMES, ROWS

TESTS = Path(__file__).parents[1]
HEAD = """# The workflow language

What a workflow file can say, as GitHub documents it, and whether Firebreak runs it. This page is made from the tests
(`python -m tests.docs`): a row works where a test shows it, and says so nowhere else. `make test` runs them.

"""
Shown = tuple[str, str, list[str]]
"""A file, a test or a case in it ("" for all of it), and the rows that it shows."""
SHOWN = 4
"""Tests that are named in a row; the others are counted."""


def text() -> str:
    shown = tests_by_row()
    parts = [HEAD, _sum(shown)]
    for area, rows in ROWS.items():
        parts += [f"\n## {area.capitalize()}\n\n", "| row | works | shown by |\n| --- | --- | --- |\n"]
        parts += [_line(row, shown.get(f"{area}: {row}", [])) for row in rows]
    return "".join(parts)


def tests_by_row() -> dict[str, list[str]]:
    """Row -> `file::test`, sorted. Raises KeyError for a row that `ROWS` does not have."""
    found: dict[str, list[str]] = {}
    for name, test, rows in [*_of_tests(), *_of_tables()]:
        for row in rows:
            if row not in NAMES:
                raise KeyError(f"{name}: {row!r} is no row of tests/conformance/rows.py")
            found.setdefault(row, []).append(f"{name}{'::' + test if test else ''}")
    return found


def _of_tests() -> Iterator[Shown]:
    for path in sorted(TESTS.rglob("test_*.py")):
        if "mark.row" in (source := path.read_text()):
            for test, rows in _marked(ast.parse(source)):
                yield str(path.relative_to(TESTS.parent)), test, rows


def _of_tables() -> Iterator[Shown]:
    """Cases of tests/conformance that are data: each names its rows."""
    for path in sorted(TESTS.glob("conformance/**/*.yaml")):
        for case in yaml.load(path.read_text(), yaml.CSafeLoader):
            rows = case.get("row", [])
            yield str(path.relative_to(TESTS.parent)), case["name"], [rows] if isinstance(rows, str) else rows


def _marked(module: ast.Module) -> Iterator[tuple[str, list[str]]]:
    """Each marked test of a module, and the module itself by its `pytestmark`."""
    for node in module.body:
        match node:
            case ast.Assign(targets=[ast.Name("pytestmark")], value=value):
                yield "", [row for mark in _listed(value) for row in _rows(mark)]
            case (
                ast.FunctionDef(name=name, decorator_list=marks) | ast.AsyncFunctionDef(name=name, decorator_list=marks)
            ):
                if rows := [row for mark in marks for row in _rows(mark)]:
                    yield name, rows
            case _:
                continue


def _listed(value: ast.expr) -> list[ast.expr]:
    return value.elts if isinstance(value, ast.List | ast.Tuple) else [value]


def _rows(mark: ast.expr) -> list[str]:
    if not (isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.row"):
        return []
    return [str(ast.literal_eval(argument)) for argument in mark.args]


def _sum(shown: dict[str, list[str]]) -> str:
    return f"{len(shown)} of {len(NAMES)} rows work.\n"


def _line(row: str, tests: list[str]) -> str:
    named = [f"`{test}`" for test in tests[:SHOWN]]
    if len(tests) > SHOWN:
        named.append(f"{len(tests) - SHOWN} more")
    return f"| {row} | {'works' if tests else '**no**'} | {', '.join(named)} |\n"
