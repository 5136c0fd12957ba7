"""`firebreak sql`: one question to the newest snapshot, or a prompt. Knows nothing of NATS: the snapshot is a file."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Callable
from pathlib import Path

import click

from services.cli.outcome import OK, Failed, Unreachable, Usage

LIMIT_ROWS = 10_000
"""More is no table that a person reads; who wants more says so."""
QUERY_BYTES = 1024 * 1024
"""Of standard input: a question, not a file that was piped in by mistake."""
PROMPT, CONTINUED = "sql> ", "...> "
EPILOG = """\b
Tables: runs, run_attempts, jobs, attempts, steps, deliveries, rejections,
        workflow_stats, job_stats, step_stats. Times are UTC, durations milliseconds.
\b
Example: firebreak sql "SELECT workflow, job, success_rate, p50_ms, p95_ms FROM job_stats"
"""


@click.command("sql", epilog=EPILOG)
@click.argument("query", required=False)
@click.option("--json", "form", flag_value="json", help="A JSON array of objects.")
@click.option("--csv", "form", flag_value="csv", help="CSV with a header.")
@click.option("--limit", type=click.IntRange(min=1), default=LIMIT_ROWS, show_default=True, help="Rows at most.")
def command(query: str | None, form: str | None, limit: int) -> int:
    """Ask DuckDB what was learned, read-only, while the learner writes.

    Without QUERY: a prompt on a terminal, else one statement from standard input.
    """
    from libs.analytics.snapshot import FOLDER
    from libs.settings import read_settings

    folder = read_settings().home / FOLDER
    if query is None and sys.stdin.isatty():
        return _prompt(folder, form, limit)
    _answer(folder, query if query is not None else sys.stdin.read(QUERY_BYTES), form, limit)
    return OK


def _answer(folder: Path, query: str, form: str | None, limit: int) -> None:
    from libs.analytics.snapshot import BadQuery, NoSnapshot, ask
    from services.cli.tables import WRITERS

    write = WRITERS[form or "table"]
    try:
        with ask(folder, query) as answer:
            rest = write(sys.stdout, answer.columns, answer.rows, limit)
    except NoSnapshot as error:
        raise Unreachable(str(error)) from None
    except BadQuery as error:
        raise Usage(str(error)) from None
    if rest:
        click.echo(f"only the first {limit} rows are shown; --limit N shows more", err=True)


def _prompt(folder: Path, form: str | None, limit: int) -> int:
    """Reads statements that end in `;` until the end of input. Each one asks the snapshot that is newest then."""
    _line_editing()
    click.echo("One statement, ended by ';'. `SHOW TABLES;` lists what there is; ctrl-d ends.", err=True)
    while (query := _statement(input)) is not None:
        try:
            _answer(folder, query, form, limit)
        except Failed as error:
            error.show()
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
    return OK


def _statement(ask_line: Callable[[str], str]) -> str | None:
    lines: list[str] = []
    while True:
        try:
            line = ask_line(CONTINUED if lines else PROMPT)
        except EOFError:
            return None
        except KeyboardInterrupt:
            lines = []
            click.echo(err=True)
            continue
        if not lines and line.strip().lower().rstrip(";") in {"exit", "quit", ".exit", ".quit", "\\q"}:
            return None
        if line.strip() or lines:
            lines.append(line)
        if line.rstrip().endswith(";"):
            return "\n".join(lines)


def _line_editing() -> None:
    """Importing readline is what gives `input` arrows and a history; not every Python has it."""
    with contextlib.suppress(ImportError):
        importlib.import_module("readline")
