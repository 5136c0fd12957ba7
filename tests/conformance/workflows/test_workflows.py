"""Every case of this folder's tables, from the file to the verdict."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.rows import NAMES
from tests.conformance.workflows.running import Case, Ran, cases, run

LEAST_CASES = 80


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
async def test_workflow(case: Case, tmp_path: Path) -> None:
    ran = await run(case, tmp_path)
    problems = [f"{each.line}:{each.column}: {each.message}" for each in ran.outcome.problems]
    assert len(problems) == len(case.problems), problems
    for wanted, found in zip(case.problems, problems, strict=True):
        assert wanted in found
    if case.run is None:
        assert not ran.runs
        assert case.why or case.problems, "a case has to expect something"
        assert case.why in "\n".join([ran.outcome.why, *ran.outcome.unmatched.values()])
        return
    (only,) = ran.runs
    assert {job.name: job.conclusion for job in only.jobs.values()} == case.jobs, _story(ran)
    assert only.conclusion == case.run, _story(ran)
    assert case.why in "\n".join([only.why, *(job.why for job in only.jobs.values())]), _story(ran)
    if case.run_name:
        assert only.plan is not None
        assert only.plan.run_name == case.run_name
    _check_steps(case, ran)


def _check_steps(case: Case, ran: Ran) -> None:
    for name, outcomes in case.steps.items():
        last = ran.job(name).last
        assert last is not None
        assert [last.steps[index].outcome for index in sorted(last.steps)] == outcomes, _story(ran)
    for name, wanted in case.prints.items():
        rest = iter(ran.printed(name))
        for line in wanted:
            assert line in rest, f"{line!r} is not there, or not there in this order\n{_story(ran)}"
    for name, unwanted in case.never.items():
        assert not set(unwanted) & set(ran.printed(name)), _story(ran)
    for name, outputs in case.outputs.items():
        assert ran.job(name).outputs == outputs
    for name, url in case.urls.items():
        assert ran.job(name).environment_url == url, _story(ran)


def _story(ran: Ran) -> str:
    return "\n".join([*(line.text for run in ran.runs for line in run.story), *(line.text for line in ran.lines)])


def test_there_are_enough_and_each_shows_a_known_row() -> None:
    names = [case.name for case in cases()]
    assert len(names) == len(set(names))
    assert len(names) >= LEAST_CASES
    assert not {row for case in cases() for row in case.row} - NAMES
