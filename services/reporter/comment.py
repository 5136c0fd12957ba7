"""The one comment of a pull request: its text, and what a later reporter reads back from it. Pure.

Its first line says whose it is. Its second line is our memory at GitHub: which commit and runs it shows and a digest,
so that a reporter that lost its memory neither posts twice nor lets an older commit write over a newer one.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from libs.contracts.ids import RunId
from libs.contracts.results import Result, worst
from libs.views.words import duration
from services.reporter.learned import about_jobs, learned
from services.reporter.run_view import JobView, RunView
from services.reporter.wanted import NOTHING_RAN, run_url
from services.reporter.words import MARK, WORD, code

BODY_BYTES = 60_000
"""GitHub takes 65,536 characters; the rest is for what it adds and for the lines about what was left out."""
RUNS = 50
"""Workflows of one commit that are shown: more than any repository has, and the state line stays short."""
_STATE = re.compile(r"<!-- firebreak:state sha=([0-9a-f]+) planned=([0-9]+) runs=([0-9,]*) digest=([0-9a-f]{16}) -->")


@dataclass(frozen=True, slots=True)
class CommentState:
    """`planned` is the place of the newest shown run's first event; `digest` is of the rest of the text."""

    sha: str
    planned: int
    runs: tuple[RunId, ...]
    digest: str


@dataclass(frozen=True, slots=True)
class WantedComment:
    state: CommentState
    body: str


def marker(repository_id: int, pull_request: int) -> str:
    return f"<!-- firebreak:sticky:v1 repo={repository_id} pr={pull_request} -->"


def read_state(body: str) -> CommentState | None:
    """What a comment of ours shows; None where the line is gone or was edited beyond reading."""
    match = _STATE.fullmatch([*body.splitlines(), "", ""][1].strip())
    if match is None:
        return None
    runs = tuple(RunId(int(text)) for text in match[3].split(",") if text)
    return CommentState(match[1], int(match[2]), runs, match[4])


def wanted_comment(first_line: str, sha: str, runs: list[RunView], public_url: str) -> WantedComment:
    """`runs` are of one commit; of each workflow and event only the newest is shown."""
    shown = _newest(runs)[:RUNS]
    text = _text(sha, shown, public_url)
    state = CommentState(
        sha=sha,
        planned=max(view.planned_at for view in shown),
        runs=tuple(view.run_id for view in shown),
        digest=hashlib.sha256(text.encode()).hexdigest()[:16],
    )
    listed = ",".join(map(str, state.runs))
    line = f"<!-- firebreak:state sha={sha} planned={state.planned} runs={listed} digest={state.digest} -->"
    return WantedComment(state, f"{first_line}\n{line}\n{text}")


def _newest(runs: list[RunView]) -> list[RunView]:
    newest: dict[tuple[str, str, str], RunView] = {}
    for view in sorted(runs, key=lambda view: view.planned_at):
        if view.plan is not None:
            newest[view.plan.workflow_path, view.plan.event, view.plan.trial] = view
    return sorted(newest.values(), key=lambda view: view.plan.workflow_path if view.plan else "")


def _text(sha: str, runs: list[RunView], public_url: str) -> str:
    verdict = _verdict([view for view in runs if not view.trial])
    head = [f"### Firebreak: {verdict}", "", f"Commit {sha[:12]}", ""]
    trials = [view for view in runs if view.trial]
    runs = [view for view in runs if not view.trial]
    jobs = [
        "| | Workflow | Job | Result | Steps run | Duration |",
        "| --- | --- | --- | --- | ---: | ---: |",
        *(_job_row(view, job, public_url) for view in runs for job in view.jobs.values()),
        *(_empty_row(view, public_url) for view in runs if not view.jobs),
        *(_trial_row(view, public_url) for view in trials),
    ]
    steps = [_step_rows(view, job) for view in runs for job in _red_first(view)]
    lines = _fit(head + jobs, BODY_BYTES // 2)
    about = [line for view in runs for line in about_jobs(view)]
    if about:
        lines += ["", *_fit(about, BODY_BYTES // 6)]
    rows = [row for block in steps for row in block]
    if rows:
        table = ["| Job | Step | Result | Duration |", "| --- | --- | --- | ---: |", *rows]
        lines += _folded("Steps", table, BODY_BYTES * 5 // 6 - _bytes(lines))
    advice = learned(runs)
    if advice:
        lines += _folded("What was learned", advice, BODY_BYTES - _bytes(lines))
    return "\n".join(lines) + "\n"


def _folded(title: str, lines: list[str], room_bytes: int) -> list[str]:
    return ["", f"<details><summary>{title}</summary>", "", *_fit(lines, room_bytes - 200), "", "</details>"]


def _bytes(lines: list[str]) -> int:
    return len("\n".join(lines).encode())


def _verdict(runs: list[RunView]) -> str:
    if not all(view.over for view in runs):
        done = sum(job.result is not None for view in runs for job in view.jobs.values())
        return f"running, {done} of {sum(len(view.jobs) for view in runs)} jobs are over"
    result = worst([view.result for view in runs if view.result is not None])
    nothing = f", but {NOTHING_RAN}" if result == "success" and not any(view.steps_run for view in runs) else ""
    return f"{MARK[result]} {WORD[result].lower()}{nothing}"


def _job_row(view: RunView, job: JobView, public_url: str) -> str:
    mark, word = _result(job)
    took = "" if job.attempt.duration_ms is None else duration(job.attempt.duration_ms)
    name = f"[{code(job.name)}]({run_url(view, public_url)})"
    return f"| {mark} | {_workflow(view)} | {name} | {word} | {job.steps_run or ''} | {took} |"


def _trial_row(view: RunView, public_url: str) -> str:
    """What a model proposed, tried out: neutral, whatever came of it."""
    word = "under way" if view.result is None else f"trial {WORD[view.result].lower()}"
    link = f"[trial of a model's proposal]({run_url(view, public_url)})"
    return f"| \N{WHITE MEDIUM SQUARE} | {_workflow(view)} | {link} | Neutral: {word} | {view.steps_run or ''} | |"


def _empty_row(view: RunView, public_url: str) -> str:
    word = "Queued" if view.result is None else WORD[view.result]
    mark = "" if view.result is None else MARK[view.result]
    return f"| {mark} | {_workflow(view)} | [run]({run_url(view, public_url)}) | {word} | | |"


def _step_rows(view: RunView, job: JobView) -> list[str]:
    return [
        f"| {code(job.name)} | {code(step.name)} | {_step_result(step.outcome, step.conclusion)} "
        f"| {'' if step.outcome == 'skip' else duration(step.duration_ms)} |"
        for step in job.steps
    ]


def _step_result(outcome: Result, conclusion: Result) -> str:
    allowed = " (allowed)" if outcome != conclusion and conclusion == "success" else ""
    return f"{MARK[outcome]} {WORD[outcome]}{allowed}"


def _result(job: JobView) -> tuple[str, str]:
    if job.result is None:
        return ("", "Running" if job.attempt.started else "Queued")
    if job.result == "success" and job.outcome not in {None, "success", "skip"}:
        return (MARK["success"], f"{WORD[job.outcome or 'failure']} (allowed)")
    if job.result == "success" and job.retries:
        return (MARK["success"], f"Passed on attempt {job.n}, known flaky")
    if job.result == "success" and not job.steps_run:
        return (MARK["success"], f"Succeeded, {NOTHING_RAN}")
    return (MARK[job.result], WORD[job.result])


def _red_first(view: RunView) -> list[JobView]:
    """What is cut off at the end shall not be what one looks for."""
    return sorted(view.jobs.values(), key=lambda job: job.result in {"success", "skip", None})


def _workflow(view: RunView) -> str:
    return code((view.plan.workflow_name or view.plan.workflow_path) if view.plan else "")


def _fit(lines: list[str], room_bytes: int) -> list[str]:
    """As many lines as fit, and a word on how many do not."""
    used = 0
    for count, line in enumerate(lines):
        used += len(line.encode()) + 1
        if used > room_bytes:
            return [*lines[:count], "", f"{len(lines) - count} more lines are on the run's page.", ""]
    return lines
