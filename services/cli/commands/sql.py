"""`firebreak sql`: one question to the newest snapshot, or a prompt. Knows nothing of NATS: the snapshot is a file."""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from services.cli.outcome import OK, Failed, Unreachable, Usage

if TYPE_CHECKING:
    from libs.analytics.question import Form

LIMIT_ROWS = 10_000
"""More is no table that a person reads; who wants more says so."""
TIMEOUT_SECONDS = 120
"""Longer than any question about ten million steps takes."""
THREADS = 2
NO_END_BYTES = 2**63 - 1
PROMPT, CONTINUED = "sql> ", "...> "
HINT = (
    "One statement, ended by ';'. `SHOW TABLES;` or \\d lists what there is, `DESCRIBE runs;` or \\d runs shows one;"
    " ctrl-d ends."
)
META = {
    "\\d": "SHOW TABLES",
    "\\dt": "SHOW TABLES",
    "\\l": "SHOW DATABASES",
}
"""What hands that know psql write. `\\d NAME` is there, too."""
EPILOG = """\b
Views: runs, jobs, attempts, steps, failures, breakages, flakiness, durations, success_rates,
       vm_minutes, queue_waits, advice, timeouts, retries, node, edge and more: docs/analytics.md says
       what each column means. Times are UTC, durations milliseconds.
\b
Example: firebreak sql "SELECT workflow, job, success_rate, p50_ms, p95_ms FROM job_stats"
         firebreak sql --example broke-this-week
"""


@click.command("sql", epilog=EPILOG)
@click.argument("query", required=False)
@click.option("--json", "form", flag_value="json", help="A JSON array of objects.")
@click.option("--csv", "form", flag_value="csv", help="CSV with a header.")
@click.option("--arrow", "form", flag_value="arrow", help="An Arrow IPC stream, for pyarrow, polars, pandas, R.")
@click.option("--limit", type=click.IntRange(min=1), default=LIMIT_ROWS, show_default=True, help="Rows at most.")
@click.option(
    "--timeout",
    "seconds",
    type=click.IntRange(1, 86_400),
    default=TIMEOUT_SECONDS,
    show_default=True,
    help="Seconds that a statement may run; then it is ended.",
)
@click.option("--example", metavar="NAME", help="Ask the documented question of that name.")
@click.option("--examples", "listed", is_flag=True, help="List the documented questions.")
def command(
    query: str | None, form: Form | None, limit: int, seconds: int, *, example: str | None, listed: bool
) -> int:
    """Ask DuckDB what was learned, read-only, while the learner writes.

    Without QUERY: a prompt on a terminal, else one statement from standard input.
    """
    from libs.analytics.question import QUERY_BYTES
    from libs.analytics.snapshot import FOLDER
    from libs.settings import read_settings

    if listed:
        return _list_examples(form)
    if example is not None:
        if query is not None:
            raise Usage("a question and an example at once: leave one out")
        query = _example(example)
    if form == "arrow" and sys.stdout.isatty():
        raise Usage("Arrow is not for a terminal: send it to a program, or to a file (`... --arrow > x.arrows`)")
    folder, wanted = read_settings().home / FOLDER, _Wanted(form or "table", limit, seconds)
    if query is None and sys.stdin.isatty():
        return _prompt(folder, wanted)
    text = query if query is not None else sys.stdin.read(QUERY_BYTES + 1)
    if len(text.encode(errors="replace")) > QUERY_BYTES:
        raise Usage(f"the statement is longer than {QUERY_BYTES} bytes: what is a file of yours is not for a snapshot")
    _answer(folder, text, wanted)
    return OK


def _list_examples(form: Form | None) -> int:
    from libs.analytics.examples import EXAMPLES

    if form == "json":
        said = [{"name": each.name, "question": each.question, "query": each.query.strip()} for each in EXAMPLES]
        click.echo(json.dumps(said, indent=1))
        return OK
    width = max(len(each.name) for each in EXAMPLES)
    for each in EXAMPLES:
        click.echo(f"{each.name.ljust(width)}  {each.question}")
    return OK


def _example(name: str) -> str:
    from libs.analytics.examples import example

    if (found := example(name)) is None:
        raise Usage(f"no documented question is called {name!r}: `firebreak sql --examples` lists them")
    return found.query


@dataclass(frozen=True, slots=True)
class _Wanted:
    form: Form
    rows: int
    seconds: int


def _answer(folder: Path, query: str, wanted: _Wanted) -> None:
    """Asked in a process of its own: some questions heed no interrupt, and ctrl-c has to end them all."""
    from libs.analytics.asked import asked
    from libs.analytics.question import Begun, Ended, Question, Refused

    out = sys.stdout.buffer
    question = Question(query, wanted.form, wanted.rows, NO_END_BYTES, wanted.seconds)
    with contextlib.closing(asked(folder, question, threads=THREADS)) as parts:
        for part in parts:
            match part:
                case bytes():
                    out.write(part)
                    out.flush()
                case Ended(cut=True):
                    click.echo(f"only the first {wanted.rows} rows are shown; --limit N shows more", err=True)
                case Refused(fault="snapshot"):
                    raise Unreachable(part.message)
                case Refused():
                    raise Usage(part.message)
                case Begun() | Ended():
                    pass


def _prompt(folder: Path, wanted: _Wanted) -> int:
    """Reads statements that end in `;` until the end of input. Each one asks the snapshot that is newest then."""
    _line_editing()
    click.echo(HINT, err=True)
    while (query := _statement(input)) is not None:
        try:
            _answer(folder, query, wanted)
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
        if not lines and (meant := _meant(line.strip())):
            return meant
        if line.strip() or lines:
            lines.append(line)
        if line.rstrip().endswith(";"):
            return "\n".join(lines)


def _meant(line: str) -> str:
    """The statement that a line of psql's stands for, "" where it is none."""
    word, _, name = line.rstrip(";").partition(" ")
    if word == "\\d" and name.strip():
        quoted = name.strip().strip('"').replace('"', '""')
        return f'DESCRIBE "{quoted}"'
    return META.get(word, "")


def _line_editing() -> None:
    """Importing readline is what gives `input` arrows and a history; not every Python has it."""
    with contextlib.suppress(ImportError):
        importlib.import_module("readline")
