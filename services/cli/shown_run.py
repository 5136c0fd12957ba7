"""A run as text on a terminal: its jobs, their last attempts' steps, what those say about lines of code."""

from __future__ import annotations

import click

from libs.contracts.attempt import Annotation
from libs.views.run import JobView, RunView, StepView
from services.cli import words


def show_run(view: RunView) -> None:
    took = words.between(view.started, view.finished)
    click.echo(words.plain(f"{view.repository} {view.workflow} run {view.run_id}, attempt {view.run_attempt}"))
    click.echo(f"{words.result(view.conclusion, view.state)} {took} {words.plain(view.why)}".rstrip())
    for job in view.in_order():
        _show_job(job)
    if sizes := [step.summary.size for job in view.in_order() for step in steps_of(job) if step.summary]:
        count = "one summary" if len(sizes) == 1 else f"{len(sizes)} summaries"
        click.echo(f"\n{count}, {words.size(sum(sizes))}: `firebreak runs summary {view.run_id}`")


def steps_of(job: JobView) -> list[StepView]:
    """Those of the last attempt, in order."""
    return sorted(job.last.steps.values(), key=lambda step: step.index) if job.last else []


def _show_job(job: JobView) -> None:
    click.echo(f"\n{words.result(job.conclusion, job.state)}  {words.plain(job.name)}  ({job.key})")
    if job.why:
        click.echo(f"    {words.plain(job.why)}")
    if job.environment:
        click.echo(f"    environment {words.plain(f'{job.environment} {job.environment_url}'.rstrip())}")
    for step in steps_of(job):
        mark = words.result(step.conclusion, step.state)
        softened = f" (was {step.outcome})" if step.outcome != step.conclusion else ""
        click.echo(f"    {mark:10} {words.duration(step.duration_ms):>10}  {words.plain(step.name)}{softened}")
        for note in step.annotations:
            click.echo(f"        {words.plain(_described(note))}")


def _described(note: Annotation) -> str:
    """On one line: `error a.py:3:7: message`."""
    place = ":".join(str(part) for part in (note.file, note.line, note.column) if part) if note.file else ""
    text = " ".join([note.title, *note.message.split()]) if note.title else " ".join(note.message.split())
    return f"{note.level} {place}: {text}" if place else f"{note.level}: {text}"
