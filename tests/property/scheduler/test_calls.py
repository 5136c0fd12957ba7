"""Runs that call workflows, through failures, cancels and reruns of any job: all end, and each call as its jobs did."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from libs.contracts.plan import CalledWorkflow
from libs.contracts.results import worst
from libs.contracts.run import JobCancelRequested, RunCancelRequested, RunFinished
from services.scheduler.run_state import DONE, Run
from tests.property.scheduler.test_many_schedulers import CALLED
from tests.unit.services.scheduler.story import Story, job, matrix, plan

FAR = CalledWorkflow(
    "octo/demo",
    "far.yml",
    "main",
    "a" * 40,
    "far",
    (
        job("o", steps=0, uses="x", calls="outer"),
        job("l", steps=0, uses="x", calls="lib", strategy=matrix({"n": [1, 2]}, fail_fast=True), if_="!cancelled()"),
        job("end", needs=("o", "l"), if_="failure()"),
    ),
)
SHAPES = (
    (job("c", steps=0, uses="x", calls="far"), job("z", needs=("c",))),
    (
        job("p"),
        job("c", steps=0, uses="x", calls="outer", needs=("p",), strategy=matrix({"n": [1, 2]}, max_parallel=1)),
        job("z", needs=("c",), if_="always()"),
    ),
    (job("c", steps=0, uses="x", calls="lib", strategy=matrix({"n": [1, 2, 3]}, fail_fast=False)), job("z")),
)
OUTCOMES = st.sampled_from(["success", "success", "success", "failure"])


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(SHAPES), st.data())
def test_every_run_ends_and_every_call_as_its_jobs_did(shape: tuple[object, ...], data: st.DataObject):
    story = Story(plan(*shape, called={**CALLED, "far": FAR}))
    story.go()
    for turn in range(data.draw(st.integers(1, 4))):
        _to_its_end(story, data, turn)
        _check(story)
        keys = sorted(story.run.jobs)
        chosen = data.draw(st.one_of(st.none(), st.sampled_from(keys)))
        before = story.run
        story.rerun(
            f"r{turn}", failed=data.draw(st.booleans()) if chosen is None else False, jobs=(chosen,) * bool(chosen)
        )
        if chosen is not None:
            assert story.run.run_attempt == before.run_attempt + 1
            _check_kept(before, story.run)
    _to_its_end(story, data, 9)
    _check(story)
    ends = [event.run_attempt for event in story.events if isinstance(event, RunFinished)]
    assert ends == list(range(1, len(ends) + 1))


def _to_its_end(story: Story, data: st.DataObject, turn: int) -> None:
    cancel_at = data.draw(st.one_of(st.none(), st.integers(0, 8)))
    for step in range(200):
        running = sorted(each.key for each in story.run.jobs.values() if each.phase == "assigned")
        if story.run.over or not running:
            break
        if step == cancel_at:
            story.cancel(f"c{turn}")
            continue
        key = data.draw(st.sampled_from(running))
        stopped = story.run.jobs[key].cancel is not None
        story.does(key, "cancellation" if stopped else data.draw(OUTCOMES))
    assert story.run.over, story.run.story


def _check(story: Story) -> None:
    """A call that was cut short may have ended so in an earlier run attempt, of which it keeps its result."""
    run = story.run
    cancels = any(isinstance(event, RunCancelRequested | JobCancelRequested) for event in story.events)
    assert all(each.phase in DONE for each in run.jobs.values())
    assert run.planned.keys() == run.needs.keys() == run.ancestors.keys()
    assert {each.job_id for each in run.jobs.values()} == run.planned.keys()
    for key in run.calls:
        caller, inside = run.jobs[key], run.called_by(key)
        assert inside
        assert caller.conclusion is not None
        conclusions = [each.conclusion for each in inside if each.conclusion is not None]
        assert caller.conclusion == worst(conclusions) or (cancels and caller.conclusion == "cancellation")


def _check_kept(before: Run, after: Run) -> None:
    """What does not run again has its result still; no number is given twice."""
    assert all(after.numbers[key] >= n for key, n in before.numbers.items())
    for key, job_after in after.jobs.items():
        was = before.jobs.get(key)
        if was is not None and job_after.phase in DONE and job_after.finish == was.finish:
            assert job_after.conclusion == was.conclusion
