"""What a comment says besides results: why a step failed and whether that is known, and what was learned. Pure.

All of it is advice: nothing here has a part in a verdict. Text of others, a model's too, stands in code spans.
"""

from __future__ import annotations

from libs.contracts.advice import DurationAdvice, TimeoutAdvice
from libs.views.advice import became, limited, sentence
from libs.views.insights import Piece, StepOf
from libs.views.listing import counted
from services.reporter.run_view import JobView, RunView, StepView
from services.reporter.words import code

SENTENCE_CHARACTERS = 300
"""Of one quoted text in a sentence: a model's two sentences, a long command."""
PIECES = 30
"""Of advice in a comment; `firebreak advice` has all."""
FAILED = frozenset({"failure", "error", "timeout"})


def about_jobs(view: RunView) -> list[str]:
    """List items, one a job or step of which there is something to say."""
    waits = [
        f"- {code(key)} waits for an approval (environment {code(environment)}): `firebreak runs approve {view.run_id}`"
        for key, environment in view.held.items()
    ]
    return waits + [line for job in view.jobs.values() for line in _about_job(view, job)]


def _about_job(view: RunView, job: JobView) -> list[str]:
    lines = [line for step in job.steps if step.conclusion in FAILED for line in _about_step(view, job, step)]
    if job.retries:
        lines.append(f"- {code(job.name)} {_quoted(job.why)}")
    if job.adjusted is not None:
        lines.append(f"- {code(job.name)} {limited(job.adjusted)}")
    if job.attempt.environment_url:
        lines.append(f"- {code(job.name)} can be looked at: {_quoted(job.attempt.environment_url)}")
    return lines


def _about_step(view: RunView, job: JobView, step: StepView) -> list[str]:
    said = view.insights.of_step(StepOf(job.key, job.n, step.index), step.category, view.last, _quoted)
    return [f"- {code(job.name)}, step {code(step.name)}: {said}"] if said else []


def learned(runs: list[RunView]) -> list[str]:
    """List items: advice on the workflows that are shown, what asks for somebody's hand first."""
    pieces: dict[Piece, None] = {}
    for view in runs:
        if view.plan is not None:
            shown = {job.key for job in view.jobs.values()}
            for piece in view.insights.of_workflow(view.plan.workflow_path):
                if not isinstance(piece.advice, DurationAdvice | TimeoutAdvice) or piece.advice.job in shown:
                    pieces[piece] = None
    ordered = sorted(pieces, key=_rank)
    rest = len(ordered) - PIECES
    more = [f"- {counted(rest, 'more piece')} of advice: `firebreak advice`"] if rest > 0 else []
    return [f"- {_told(piece)}" for piece in ordered[:PIECES]] + more


def _rank(piece: Piece) -> int:
    return {"flaky": 0, "cache": 1, "timeout": 2, "duration": 3}.get(str(piece.advice.__struct_config__.tag), 4)


def _told(piece: Piece) -> str:
    after = became(piece.measured) if piece.measured is not None else ""
    return sentence(piece.advice, _quoted) + (f". So far: {after}" if after else "")


def _quoted(text: str) -> str:
    return code(text, SENTENCE_CHARACTERS)
