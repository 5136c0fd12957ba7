"""The two questions that the demonstration asks DuckDB once the learner has seen its runs."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence

import click

from libs.analytics.formats import WRITERS
from libs.contracts.ids import RunId
from libs.settings import Settings
from services.cli.outcome import Unreachable

FRESH_SECONDS = 20.0
"""The learner publishes a snapshot within a few seconds of an event, on a busy machine too."""
POLL_SECONDS = 0.3
SHOWN_ROWS = 20

QUERIES = (
    (
        "How often does each workflow succeed, and how long does it take?",
        "SELECT workflow, total, successes, success_rate, round(p50_ms) AS p50_ms FROM workflow_stats ORDER BY 1",
    ),
    (
        "Which steps take longest?",
        "SELECT workflow, job, step, total, failures, round(p95_ms) AS p95_ms FROM step_stats"
        " ORDER BY p95_ms DESC NULLS LAST LIMIT 8",
    ),
)


async def show_queries(settings: Settings, runs: Sequence[RunId]) -> None:
    """Waits until the learner has published these runs, then prints both questions and their answers."""
    from libs.analytics.snapshot import FOLDER, NoSnapshot, ask

    folder = settings.home / FOLDER
    wanted = f"SELECT count(*) FROM runs WHERE conclusion IS NOT NULL AND run_id IN ({', '.join(map(str, runs))})"  # noqa: S608 (whole numbers)
    deadline = time.monotonic() + FRESH_SECONDS
    while True:
        try:
            with ask(folder, wanted) as answer:
                seen = next(iter(answer.rows))[0]
        except NoSnapshot:
            seen = 0
        if seen == len(runs):
            break
        if time.monotonic() > deadline:
            raise Unreachable(f"the learner has not published these runs after {FRESH_SECONDS:.0f} s; see services.log")
        await asyncio.sleep(POLL_SECONDS)
    for question, query in QUERIES:
        click.secho(question, bold=True)
        click.echo(f'$ firebreak sql "{query}"')
        with ask(folder, query) as answer:
            WRITERS["table"](sys.stdout, answer.columns, answer.rows, SHOWN_ROWS)
        click.echo()
