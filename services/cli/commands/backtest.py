"""`firebreak backtest`: would the learned limits have helped? A recorded or a made trace, by several rules.

It asks no service and changes nothing; a log comes as a file, an archive as its folder.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from services.cli import words
from services.cli.outcome import OK, Usage

if TYPE_CHECKING:
    from services.learner.backtest.recorded import Skipped
    from services.learner.backtest.report import PolicyRow
    from services.learner.backtest.trace import Ending

JOBS, PER_JOB, FLOOR_SECONDS = 500, 200, 300
MOST_JOBS, MOST_PER_JOB = 10_000, 2_000
"""A hundred times the usual trace at most: it is held in memory."""
MOST_ENDINGS = 5_000_000


@click.command("backtest")
@click.argument("trace", required=False, metavar="[TRACE]")
@click.option("--synthetic", is_flag=True, help="A made trace instead, with documented parameters (docs/backtest.md).")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Of the made trace.")
@click.option("--jobs", type=click.IntRange(1, MOST_JOBS), default=JOBS, show_default=True, help="Jobs that it has.")
@click.option(
    "--per-job",
    type=click.IntRange(1, MOST_PER_JOB),
    default=PER_JOB,
    show_default=True,
    help="Runs of each, in the mean.",
)
@click.option(
    "--floor",
    type=click.IntRange(min=1),
    default=FLOOR_SECONDS,
    show_default=True,
    help="Seconds: no rule kills before.",
)
@click.option("--json", "as_json", is_flag=True, help="One object a rule, one a line.")
def command(
    trace: str | None, *, synthetic: bool, seed: int, jobs: int, per_job: int, floor: int, as_json: bool
) -> int:
    """Replay TRACE strictly in order: which hangs would each rule have ended early, and which healthy jobs.

    TRACE is what `firebreak events tail --since 0 --no-follow --json` prints, as a file or `-`, or the folder of an
    archive. Ours is the rule `firebreak`; `none` is what the workflows declare.

    Example: firebreak backtest --synthetic --seed 7
    """
    if synthetic == (trace is not None):
        raise Usage("name a TRACE (a file, `-` or an archive's folder), or say --synthetic; not both")
    endings = _synthetic(seed, jobs, per_job) if trace is None else _recorded(trace)
    if not endings:
        raise Usage(f"{trace} holds no job that succeeded, failed or reached its limit: nothing to replay")
    from services.learner.backtest.report import backtest

    rows = backtest(endings, floor * 1000)
    if as_json:
        for row in rows:
            click.echo(msgspec.json.encode(row).decode())
    else:
        _show(rows)
    return OK


def _synthetic(seed: int, jobs: int, per_job: int) -> list[Ending]:
    from services.learner.backtest.synthetic import Parameters, endings

    if jobs * per_job > MOST_ENDINGS:
        raise Usage(f"--jobs {jobs} --per-job {per_job}: {jobs * per_job:,} runs; at most {MOST_ENDINGS:,}")
    return endings(seed, Parameters(jobs=jobs, per_job=float(per_job)))


def _recorded(trace: str) -> list[Ending]:
    from services.learner.archive.parquet import Damaged
    from services.learner.backtest.recorded import BadTrace

    try:
        endings, skipped = _read(trace)
    except OSError as error:
        raise Usage(f"{trace} cannot be read: {error.strerror}") from None
    except (BadTrace, Damaged) as error:
        raise Usage(f"{trace}: {error}") from None
    click.echo(
        f"{len(endings)} jobs; left out: {skipped.ended_otherwise} cancelled, lost or our own errors, "
        f"{skipped.without_plan} of runs whose plan is not in the trace, {skipped.trials} of trials",
        err=True,
    )
    return endings


def _read(trace: str) -> tuple[list[Ending], Skipped]:
    """1. Standard input. 2. An archive's folder. 3. A file of lines."""
    from services.learner.backtest.recorded import recorded

    if trace == "-":
        return recorded(sys.stdin.buffer)
    path = Path(trace)
    if path.is_dir():
        from services.learner.backtest.archived import archived

        return archived(path)
    with path.open("rb") as file:
        return recorded(file)


def _show(rows: Sequence[PolicyRow]) -> None:
    cells = [
        (
            row.policy,
            f"{row.false_kills_per_10k:.1f}",
            f"{row.hang_saved_share:.1%}",
            f"{row.hang_minutes_saved:,.0f}",
            f"{row.hang_minutes_saved_against_mean:+,.0f}",
            f"{row.net_minutes_saved:,.0f}",
        )
        for row in rows
    ]
    words.table(("RULE", "FALSE KILLS/10K", "HANG SAVED", "MINUTES", "AGAINST 1.5 MEAN", "NET MINUTES"), cells)
    click.echo(f"\n{rows[0].runs:,} runs that would have ended, {rows[0].hangs:,} hangs.")
    for row in rows:
        for line in _forecasts(row):
            click.echo(line)


def _forecasts(row: PolicyRow) -> list[str]:
    lines: list[str] = []
    if row.forecasts is not None:
        losses = ", ".join(f"{name} {loss:.3f}" for name, loss in row.forecasts.log_loss.items())
        lines.append(f"Success rates, log-loss: {losses}.")
        held = ", ".join(f"{name} {share:.1%}" for name, share in row.forecasts.coverage.items())
        lines.append(
            f"Intervals of 90 %, coverage of the next runs ({row.forecasts.blocks:,} blocks): {held or 'too few'}."
        )
    if row.flaky is not None:
        named = ", ".join(
            f"{each.share:.0%} of {each.named} (k={each.k})" for each in row.flaky.precision if each.named
        )
        lines.append(
            f"Flaky, named and flaked again: {named or 'nobody was named'}; of all jobs {row.flaky.base_share:.0%} do."
        )
    return lines
