"""`firebreak runs summary`: what the steps of a run wrote to `$GITHUB_STEP_SUMMARY`."""

from __future__ import annotations

import click
import msgspec

from libs.blobs.port import BlobMissing, Blobs
from libs.contracts.blobs import BlobRef
from libs.views.run import JobView, RunView, StepView
from services.cli import words
from services.cli.commands.why import chosen_jobs
from services.cli.connection import connected, coroutine
from services.cli.reading import parse_run_id, run_view
from services.cli.shown_run import steps_of

GONE = "(this summary is no longer kept)"


class StepText(msgspec.Struct):
    job: str
    step: int
    name: str
    text: str


@click.command("summary")
@click.argument("run")
@click.option("-j", "--job", help="Only this job: a key, an id or a name.")
@click.option("--json", "as_json", is_flag=True, help="JSON on standard output.")
@coroutine
async def command(*, run: str, job: str | None, as_json: bool) -> None:
    """The summaries of RUN's steps, as the Markdown that they wrote; masked as they were stored.

    Example: firebreak runs summary 4503599627370496 --job build
    """
    async with connected() as connection:
        view = await run_view(connection, parse_run_id(run))
        texts = await summaries(view, connection.blobs, job)
    if as_json:
        click.echo(msgspec.json.encode(texts).decode())
        return
    for text in texts:
        click.echo(words.plain(text.text).rstrip("\n"))


async def summaries(view: RunView, blobs: Blobs, job: str | None = None) -> list[StepText]:
    """In the order of jobs and steps. Raises Usage where there is no such job."""
    chosen = chosen_jobs(view, job) if job else list(view.jobs.values())
    return [await _text(blobs, one, step) for one in chosen for step in steps_of(one) if step.summary]


async def _text(blobs: Blobs, job: JobView, step: StepView) -> StepText:
    return StepText(job.key, step.index, step.name, await _content(blobs, step.summary))


async def _content(blobs: Blobs, ref: BlobRef | None) -> str:
    if ref is None:
        return ""
    try:
        return (await blobs.get(ref)).decode("utf-8", "replace")
    except BlobMissing:
        return GONE
