"""The comment: what it shows, what can be read back, and that nobody's name breaks out of it."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.ids import JobKey, RunId
from libs.views.words import duration
from services.reporter.comment import BODY_BYTES, marker, read_state, wanted_comment
from services.reporter.run_view import AttemptView, JobView, RunView, StepView
from services.reporter.words import code
from tests.unit.services.reporter.test_wanted import SHA, job, step, view

FIRST = marker(5, 3)


def text(*runs: RunView) -> str:
    return wanted_comment(FIRST, SHA, list(runs), "https://ci").body


def test_jobs_steps_and_durations() -> None:
    body = text(view(job("build", "failure", steps={0: step(0, "Run make", "failure", 2)}), result="failure"))
    assert body.splitlines()[0] == "<!-- firebreak:sticky:v1 repo=5 pr=3 -->"
    assert "### Firebreak: ❌ failed" in body
    assert "| ❌ | `CI` | [`build`](https://ci/runs/7) | Failed | 1 | 12.3 s |" in body
    assert "| `build` | `Run make` | ❌ Failed | 10 ms |" in body


def test_while_it_runs_it_says_how_far_it_is() -> None:
    assert "running, 1 of 2 jobs are over" in text(view(job("a", "success"), job("b")))


def test_a_success_in_which_nothing_ran_says_so() -> None:
    body = text(view(job("a", "success"), result="success"))
    assert "succeeded, but nothing ran" in body
    assert "Succeeded, nothing ran" in body


def test_what_was_written_can_be_read_back() -> None:
    wanted = wanted_comment(FIRST, SHA, [view(job())], "https://ci")
    assert read_state(wanted.body) == wanted.state
    assert read_state(wanted.body.replace("\n", "\r\n")) == wanted.state


def test_a_comment_whose_second_line_was_edited_away_is_rewritten_rather_than_trusted() -> None:
    assert read_state(FIRST) is None
    assert read_state("") is None
    assert read_state(f"{FIRST}\n<!-- firebreak:state sha=zz -->") is None


def test_of_a_workflow_only_the_newest_run_is_shown() -> None:
    old, new = view(job("old")), view(job("new"))
    new.run_id, new.planned_at = RunId(8), 2
    wanted = wanted_comment(FIRST, SHA, [new, old], "https://ci")
    assert wanted.state.runs == (8,)
    assert "`old`" not in wanted.body


def test_a_huge_run_is_cut_and_says_so_with_its_failures_kept() -> None:
    jobs = []
    for number in range(300):
        steps = {i: StepView(i, f"step {i} of job {number} " + "x" * 80, "success", "success", 10) for i in range(40)}
        jobs.append(
            JobView(JobKey(f"j{number}"), "j", f"j{number}", 1, "success", "success", attempt=AttemptView(steps=steps))
        )
    red = {0: step(0, "the red step", "failure", 1)}
    jobs.append(JobView(JobKey("red"), "red", "red", 1, "failure", "failure", attempt=AttemptView(steps=red)))
    body = text(view(*jobs, result="failure"))
    assert len(body.encode()) <= BODY_BYTES
    assert "more lines are on the run's page" in body
    assert "`the red step`" in body


@given(st.text())
def test_whatever_a_name_is_it_stays_in_its_code_span_and_cell(name: str) -> None:
    span = code(name)
    assert re.fullmatch(r"`[^`|\n\r]+`", span)
    assert span.isprintable() or "\u3000" in span


def test_names_that_notify_link_or_render_elsewhere_are_inert_here() -> None:
    hostile = "`@octocat` | <img src=x> <!-- firebreak:sticky:v1 --> \u202e #1 | https://evil"
    body = text(view(job(hostile, "failure", steps={0: step(0, hostile, "failure", 1)}), result="failure"))
    outside = re.sub(r"`[^`]*`", "", body.split("\n", 2)[2])
    for word in ("@octocat", "<img", "<!--", "#1", "evil", "\u202e"):
        assert word not in outside
    assert "\u202e" not in body


@given(st.floats(min_value=0, max_value=1e9))
def test_a_duration_is_short(milliseconds: float) -> None:
    assert len(duration(milliseconds)) <= 14


def test_durations_as_people_say_them() -> None:
    assert [duration(ms) for ms in (320, 4_200, 200_000, 7_500_000)] == ["320 ms", "4.2 s", "3 min 20 s", "2 h 05 min"]
