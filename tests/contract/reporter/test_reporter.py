"""What GitHub gets to see, told by the requests that reached it."""

from __future__ import annotations

import asyncio

import pytest

from libs.contracts import intake, run, subjects
from libs.contracts.ids import JobKey, RepositoryId, RunId
from libs.contracts.model import TriageGiven
from libs.contracts.recognition import FailureRecognized
from tests.contract.reporter.conftest import TOKEN, Stage
from tests.fakes.history import SHA

HEAD = "f" * 40


async def test_one_status_a_job_pending_and_then_its_verdict(stage: Stage) -> None:
    run = stage.history.one_run()
    async with stage.reporter():
        await run.planned()
        await run.queued("build", "Build it")
        await stage.until(lambda: stage.states() == {"firebreak / CI / Build it": "pending"})
        await run.assigned("build")
        await run.started("build")
        await run.step("build", 0, "Run make", "failure")
        await run.finished("build", "failure", name="Build it")
        await run.over("failure")
        await stage.until(lambda: stage.states() == {"firebreak / CI / Build it": "failure"})
    assert len(stage.github.writes("statuses")) == 2
    last = stage.repository.statuses[SHA][-1]
    assert last["description"] == "Failed in 100 ms: Run make (exit code 1)"
    assert last["target_url"] == f"https://ci.example/runs/{run.run_id}"


async def test_a_run_that_is_over_before_the_reporter_comes_is_told_once(stage: Stage) -> None:
    await stage.history.one_run().whole(("a", "b"))
    async with stage.reporter():
        await stage.until(lambda: len(stage.states()) == 2)
        await asyncio.sleep(0.1)
    assert stage.states() == {"firebreak / CI / a": "success", "firebreak / CI / b": "success"}
    assert len(stage.github.writes()) == 2


async def test_what_was_told_is_in_the_log(stage: Stage) -> None:
    run = stage.history.one_run()
    await run.whole()
    async with stage.reporter():
        await stage.until(stage.states)
        await asyncio.sleep(0.05)
    (stored,) = await stage.bus.load(subjects.report(*run.address))
    assert b'"type":"CheckReported"' in stored.data
    assert str(stage.repository.statuses[SHA][0]["id"]).encode() in stored.data


async def test_nothing_ran_is_said(stage: Stage) -> None:
    run = stage.history.one_run(pull_request=3, event="pull_request")
    await run.planned()
    await run.queued("build")
    await run.assigned("build")
    await run.started("build")
    await run.step("build", 0, "Run make", "skip")
    await run.finished("build")
    await run.over(steps_run=0)
    async with stage.reporter():
        await stage.until(stage.comments)
    assert stage.repository.statuses[SHA][-1]["description"] == "Succeeded in 100 ms, but nothing ran"
    assert "succeeded, but nothing ran" in stage.comments()[0]


async def test_a_pull_request_has_one_comment_updated_in_place_and_statuses_at_its_head(stage: Stage) -> None:
    stage.repository.commits.add(HEAD)
    ci = stage.history.one_run(7, pull_request=3, event="pull_request", head=HEAD)
    docs = stage.history.one_run(8, pull_request=3, event="pull_request", head=HEAD, path="docs.yml", workflow="Docs")
    async with stage.reporter():
        await ci.planned()
        await docs.planned()
        await stage.history.planned_runs(ci, docs)
        await ci.queued("build")
        await stage.until(stage.comments)
        await ci.finished("build")
        await ci.over()
        await docs.queued("pages")
        await docs.finished("pages")
        await docs.over()
        await stage.until(lambda: "pages" in stage.comments()[0] and "succeeded" in stage.comments()[0])
        await stage.until(lambda: any("pages" in status["context"] for status in stage.repository.statuses[HEAD]))
    assert len(stage.comments()) == 1
    body = stage.comments()[0]
    assert body.startswith("<!-- firebreak:sticky:v1 repo=5 pr=3 -->\n")
    assert "`CI`" in body
    assert "`Docs`" in body
    assert not stage.repository.statuses.get(SHA)
    contexts = {status["context"] for status in stage.repository.statuses[HEAD]}
    assert contexts == {"firebreak / CI / build (pull_request)", "firebreak / Docs / pages (pull_request)"}


async def test_what_is_learned_of_a_failure_comes_later_and_is_added(stage: Stage) -> None:
    stage.repository.commits.add(HEAD)
    ci = stage.history.one_run(7, pull_request=3, event="pull_request", head=HEAD)
    async with stage.reporter():
        await ci.planned()
        await ci.queued("build")
        await ci.assigned("build")
        await ci.started("build")
        await ci.step("build", 0, "Run make", "failure")
        await ci.finished("build", "failure")
        await ci.over("failure")
        await stage.until(lambda: stage.comments() and "failed" in stage.comments()[0])
        assert "seen before" not in stage.comments()[0]
        seen = FailureRecognized(1, JobKey("build"), 1, 0, "Run make", "f" * 16, runs=3)
        await stage.history.append(subjects.recognition("Octo", "hello.world", RunId(7)), seen)
        await stage.until(lambda: "seen before in 3 runs" in stage.comments()[0])
        said = TriageGiven(1, JobKey("build"), 1, 0, "Run make", "test failure", "model", (2,), "No.", "gemma3:4b")
        await stage.history.append(subjects.model(RepositoryId(5), "7"), said)
        await stage.history.append(subjects.model(RepositoryId(5), "a" * 64), said)
        await stage.until(
            lambda: "a model (`gemma3:4b`) guesses `test failure` from line 2: `No.`" in stage.comments()[0]
        )
    assert len(stage.comments()) == 1


async def test_a_newer_commit_takes_the_comment_over_and_an_older_one_never_gets_it_back(stage: Stage) -> None:
    other = "a" * 40
    stage.repository.commits |= {HEAD, other}
    old = stage.history.one_run(7, pull_request=3, head=HEAD, cause="old")
    new = stage.history.one_run(8, pull_request=3, head=other, cause="new")
    await old.planned()
    await new.planned()
    await new.queued("fresh")
    await new.over()
    async with stage.reporter():
        await stage.until(lambda: other[:12] in "".join(stage.comments()))
        await old.queued("stale")
        await old.finished("stale", "failure")
        await old.over("failure")
        await stage.until(lambda: len(stage.repository.statuses.get(HEAD, [])))
        await asyncio.sleep(0.1)
    assert len(stage.comments()) == 1
    assert "stale" not in stage.comments()[0]


async def test_the_comment_is_found_behind_the_first_page_and_only_if_it_is_ours(stage: Stage) -> None:
    token = stage.github.state.tokens[TOKEN]
    stranger = type(token)("stranger")
    body = "<!-- firebreak:sticky:v1 repo=5 pr=3 -->\nnot yours"
    stage.github.state.create_comment(stage.history.full_name, 3, stranger, {"body": body})
    for number in range(120):
        stage.github.state.create_comment(stage.history.full_name, 3, stranger, {"body": f"chat {number}"})
    ours = stage.github.state.create_comment(stage.history.full_name, 3, token, {"body": body})
    await stage.history.one_run(pull_request=3).whole()
    async with stage.reporter():
        await stage.until(lambda: "`build`" in ours["body"])
    assert len(stage.comments()) == 122
    assert stage.comments()[0] == body


async def test_a_comment_that_somebody_deleted_is_written_anew(stage: Stage) -> None:
    run = stage.history.one_run(pull_request=3)
    async with stage.reporter():
        await run.planned()
        await run.queued("build")
        await stage.until(stage.comments)
        stage.repository.comments.clear()
        await run.finished("build")
        await run.over()
        await stage.until(lambda: "succeeded" in "".join(stage.comments()))
    assert len(stage.comments()) == 1


async def test_an_installations_token_works_too(stage: Stage) -> None:
    stage.github.add_token("ghs_app", "firebreak[bot]", app=True)
    run = stage.history.one_run(pull_request=3)
    await run.whole()
    async with stage.reporter("ghs_app"):
        await stage.until(stage.comments)
    async with stage.reporter("ghs_app"):
        await run.queued("more")
        await run.finished("more")
        await stage.until(lambda: "`more`" in stage.comments()[0])
    assert len(stage.comments()) == 1


@pytest.mark.parametrize("pattern", ["POST .*/statuses/", "POST .*/comments"])
async def test_killed_between_the_post_and_its_event_nothing_is_posted_twice(stage: Stage, pattern: str) -> None:
    await stage.history.one_run(pull_request=3).whole(("a", "b"))
    fault = stage.github.fault(pattern, "after", "hang")
    async with stage.reporter() as task:
        await asyncio.wait_for(fault.hit.wait(), 5)
        task.cancel()
    async with stage.reporter():
        await stage.until(lambda: len(stage.states()) == 2 and stage.comments())
        await asyncio.sleep(0.1)
    assert len(stage.repository.statuses[SHA]) == 2
    assert len(stage.comments()) == 1
    loaded = await stage.bus.load(subjects.ALL_REPORTS)
    assert sum(stored.data.count(b'"type":"CheckReported"') for stored in loaded) == 2


async def test_a_post_that_took_effect_and_answered_500_is_not_repeated(stage: Stage) -> None:
    stage.github.fault("POST .*/statuses/", "after", "500")
    await stage.history.one_run().whole()
    async with stage.reporter():
        await stage.until(stage.states)
        loaded: list[object] = []
        async with asyncio.timeout(5):
            while not loaded:
                loaded = list(await stage.bus.load(subjects.ALL_REPORTS))
                await asyncio.sleep(0.02)
    assert len(stage.repository.statuses[SHA]) == 1


async def test_a_5xx_is_tried_again(stage: Stage) -> None:
    stage.github.fault("POST .*/statuses/", "before", "502", times=2)
    await stage.history.one_run().whole()
    async with stage.reporter():
        await stage.until(lambda: stage.states() == {"firebreak / CI / build": "success"})


async def test_a_secondary_limit_is_obeyed(stage: Stage) -> None:
    stage.github.limits.writes_a_minute = 1
    stage.github.limits.clock = lambda: asyncio.get_running_loop().time() * 40
    await stage.history.one_run().whole(("a", "b"))
    async with stage.reporter():
        await stage.until(lambda: len(stage.states()) >= 1 and stage.github.writes()[-1].status == 403)
        refused = len(stage.github.writes())
        await asyncio.sleep(0.3)
        assert len(stage.github.writes()) == refused


async def test_a_refusal_for_good_is_written_down_and_ends_it(stage: Stage) -> None:
    stage.github.add_token("ghp_weak", "weak", comments=False)
    run = stage.history.one_run(pull_request=3)
    await run.whole()
    async with stage.reporter("ghp_weak"):
        await stage.until(lambda: stage.github.writes("comments"))
        await run.queued("more")
        await stage.until(lambda: "firebreak / CI / more" in stage.states())
    assert len(stage.github.writes("comments")) == 1
    loaded = await stage.bus.load(subjects.report(*run.address))
    assert any(b'"type":"ReportFailed"' in stored.data and b'"what":"comment"' in stored.data for stored in loaded)


async def test_a_rerun_is_pending_again(stage: Stage) -> None:
    one = stage.history.one_run()
    await one.whole()
    async with stage.reporter():
        await stage.until(lambda: stage.states() == {"firebreak / CI / build": "success"})
        again = run.RunRerun("c1", "me", 2, (JobKey("build"),))  # type: ignore[arg-type]
        await one.say(again)
        await one.queued("build", run_attempt=2)
        await stage.until(lambda: stage.states() == {"firebreak / CI / build": "pending"})
        await one.finished("build", "failure", n=2)
        await one.over("failure", run_attempt=2)
        await stage.until(lambda: stage.states() == {"firebreak / CI / build": "failure"})
    assert len(stage.github.writes()) == 3


async def test_an_older_run_of_the_same_commit_does_not_write_over_the_newer_one(stage: Stage) -> None:
    old, new = stage.history.one_run(7, cause="old"), stage.history.one_run(8, cause="new")
    await old.planned()
    await old.queued("build")
    await new.whole()
    async with stage.reporter():
        await stage.until(lambda: stage.states() == {"firebreak / CI / build": "success"})
        await old.finished("build", "failure")
        await old.over("failure")
        await asyncio.sleep(0.2)
    assert stage.states() == {"firebreak / CI / build": "success"}


async def test_without_a_token_it_runs_and_asks_nothing(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    await stage.history.one_run().whole()
    async with stage.reporter("") as task:
        await asyncio.sleep(0.1)
        assert not task.done()
    assert stage.github.asked == []
    assert capsys.readouterr().err.count("reports nowhere") == 1


async def test_the_token_is_in_no_event_and_no_log_line(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    await stage.history.one_run().whole()
    async with stage.reporter("ghp_wrong_secret"):
        await stage.until(lambda: stage.github.asked)
        await asyncio.sleep(0.1)
    assert "ghp_wrong_secret" not in capsys.readouterr().err
    assert not await stage.bus.load(subjects.ALL_REPORTS)


async def test_two_reporters_at_once_post_nothing_twice(stage: Stage) -> None:
    async with stage.reporter(), stage.reporter():
        await stage.history.one_run(pull_request=3).whole(("a", "b", "c"))
        await stage.until(lambda: len(stage.states()) == 3 and "pending" not in stage.states().values())
        await asyncio.sleep(0.2)
    finals = [status["context"] for status in stage.repository.statuses[SHA] if status["state"] != "pending"]
    assert sorted(finals) == sorted(set(finals))
    assert len(stage.comments()) == 1


async def test_a_broken_workflow_file_is_an_error_at_its_commit_with_its_place(stage: Stage) -> None:
    problem = intake.Problem("ci.yml", 3, 5, "unknown key 'job': did you mean 'jobs'?")
    rejected = intake.WorkflowRejected(stage.history.full_name, SHA, ".github/workflows/ci.yml", (problem, problem))
    async with stage.reporter():
        for cause in ("push", "pull-request"):
            await stage.history.intake(rejected, intake.RunsPlanned("x/y", SHA, "push", {}), cause=cause)
        await stage.until(stage.states)
        async with asyncio.timeout(5):
            while len(await stage.bus.load(subjects.ALL_REPORTS)) < 2:
                await asyncio.sleep(0.01)
    (status,) = stage.repository.statuses[SHA]
    assert (status["context"], status["state"]) == ("firebreak / .github/workflows/ci.yml", "error")
    assert status["description"] == "(1 of 2) 3:5: unknown key 'job': did you mean 'jobs'?"
