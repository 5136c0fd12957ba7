"""A run on a terminal: steps, what they say about lines, and their summaries."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from libs.blobs.memory import MemoryBlobs
from libs.contracts.attempt import Annotation
from libs.contracts.blobs import BlobRef
from libs.contracts.ids import HostId, JobKey, RunId
from libs.views.run import AttemptView, JobView, RunView, StepView
from libs.views.summary import summary
from services.cli.commands.run_summary import GONE, StepText, summaries
from services.cli.shown_run import show_run

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def view(*steps: StepView) -> RunView:
    job = JobView(JobKey("build"), "build", "build", attempts=[AttemptView(1, HostId("h1"), NOW)])
    job.attempts[0].steps = {step.index: step for step in steps}
    run = RunView(RunId(7), "octo", "hello")
    run.jobs = {job.key: job}
    return run


async def test_what_steps_say_about_lines_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    notes = (
        Annotation("error", "bad\x1b[2J\nand more", file="a.c", line=3, column=7),
        Annotation("warning", "odd", title="T"),
    )
    show_run(view(StepView(0, "Run make", "finished", "failure", "failure", annotations=notes)))
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2].strip() == "error a.c:3:7: bad\ufffd[2J and more"
    assert lines[-1].strip() == "warning: T odd"
    shown = summary(view(StepView(0, "x", annotations=notes))).jobs[0].steps[0]
    assert (shown.annotations, shown.summary_bytes) == (notes, 0)


async def test_summaries_are_counted_and_printed(capsys: pytest.CaptureFixture[str]) -> None:
    blobs = MemoryBlobs()
    run = view(
        StepView(0, "one", summary=await blobs.put(b"# One\n")),
        StepView(1, "two"),
        StepView(2, "three", summary=BlobRef("0" * 64, 3)),
    )
    show_run(run)
    assert "2 summaries, 9 bytes: `firebreak runs summary 7`" in capsys.readouterr().out
    assert await summaries(run, blobs) == [
        StepText("build", 0, "one", "# One\n"),
        StepText("build", 2, "three", GONE),
    ]
    assert await summaries(run, blobs, "build") == await summaries(run, blobs)
