"""What a comment says besides results, and that no word of it breaks out."""

from __future__ import annotations

import re
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from libs.contracts.advice import Advice, AdviceGiven, CacheAdvice, DurationAdvice, FlakyAdvice, TimeoutAdvice
from libs.contracts.ids import JobKey, RunId
from libs.contracts.model import TriageGiven
from libs.contracts.recognition import FailureRecognized
from libs.contracts.run import TimeoutAdjusted, TimeoutEvidence
from libs.views.insights import Insights, StepOf
from libs.views.standing import Standing
from services.reporter.comment import BODY_BYTES, wanted_comment
from services.reporter.run_view import RunView
from services.reporter.wanted import wanted_statuses
from tests.unit.services.reporter.test_comment import FIRST, text
from tests.unit.services.reporter.test_wanted import NOON, SHA, job, step, view

BUILD = JobKey("build")
AT = StepOf(BUILD, 1, 0)


def red() -> RunView:
    broken = step(0, "Run make", "failure", 2)
    return view(job("build", "failure", steps={0: broken}), result="failure")


def seen(words: str = "") -> FailureRecognized:
    return FailureRecognized(
        1, BUILD, 1, 0, "Run make", "f" * 16, words, 12, NOON - timedelta(days=5), NOON, ("octo/hello",), 1
    )


def triage(summary: str) -> TriageGiven:
    return TriageGiven(1, BUILD, 1, 0, "Run make", "test failure", "model", (3,), summary, "gemma3:4b")


def test_why_it_failed_as_the_log_rules_and_a_model_say() -> None:
    run = red()
    run.jobs[BUILD].attempt.steps[0] = replace_category(run, "out of memory")
    run.insights = Insights({AT: seen()}, {AT: triage("It ends. Because.")})
    assert (
        "- `build`, step `Run make`: it ran out of memory; seen before in 12 runs since Thursday, in `octo/hello` and "
        "1 other; a model (`gemma3:4b`) guesses `test failure` from line 3: `It ends. Because.`"
    ) in text(run)


def replace_category(run: RunView, category: str):  # type: ignore[no-untyped-def]
    import dataclasses

    return dataclasses.replace(run.jobs[BUILD].attempt.steps[0], category=category)


def test_what_is_known_of_another_attempt_is_not_said_of_this_one() -> None:
    run = red()
    run.insights = Insights({StepOf(BUILD, 2, 0): seen()})
    assert "seen before" not in text(run)


def test_a_retried_job_says_so_everywhere() -> None:
    tried = job("build", "success", steps={0: step(0, "Run make", "success")}, why="passed on attempt 2, known flaky")
    tried.retries, tried.n = 1, 2
    run = view(tried, result="success")
    assert "| Passed on attempt 2, known flaky |" in text(run)
    assert wanted_statuses(run, "https://ci")[0].description == "Passed on attempt 2, known flaky in 12.3 s"


def test_an_adjusted_limit_is_shown_with_its_evidence() -> None:
    run = red()
    run.jobs[BUILD].adjusted = TimeoutAdjusted(BUILD, 21_600_000, 420_000, TimeoutEvidence(3, "warm", 41, 190_000))
    assert (
        "- `build` had a time limit of 7 min 00 s instead of 6 h 00 min: the longest of 41 successes took 3 min 10 s"
        in text(run)
    )


def test_who_waits_for_an_approval_and_where_an_environment_is() -> None:
    run = view(job("build"))
    run.held = {JobKey("deploy"): "prod"}
    run.jobs[BUILD].attempt.environment_url = "https://prod.example/x"
    body = text(run)
    assert "- `deploy` waits for an approval (environment `prod`): `firebreak runs approve 7`" in body
    assert "- `build` can be looked at: `https://prod.example/x`" in body


def advice(*pieces: Advice) -> Insights:
    return Insights(standing=Standing(1, NOON, AdviceGiven(1, pieces), {}))


def test_advice_on_what_is_shown_is_folded_away_and_what_needs_a_hand_is_first() -> None:
    run = red()
    run.insights = advice(
        DurationAdvice("ci.yml", BUILD, "build", 190_000, 50),
        DurationAdvice("ci.yml", JobKey("other"), "other", 190_000, 50),
        DurationAdvice("elsewhere.yml", BUILD, "build", 1, 50),
        FlakyAdvice("ci.yml", BUILD, "build", "", "flaky", ("a", "b"), 0.03, 4, NOON),
    )
    body = text(run)
    learned = body[body.index("What was learned") :]
    assert learned.index("is flaky") < learned.index("usually takes")
    assert learned.count("usually takes") == 1


def test_much_advice_is_cut_and_says_so() -> None:
    run = red()
    run.insights = advice(
        *(
            CacheAdvice("ci.yml", JobKey(f"j{n}"), "x" * 500, "s" * 500, "npm", "l", "p", "k", "a", 1, 1, 1)
            for n in range(400)
        )
    )
    body = text(run)
    assert "- 370 more pieces of advice: `firebreak advice`" in body
    assert len(body.encode()) <= BODY_BYTES


def test_a_trial_is_neutral_and_alone_it_has_no_status() -> None:
    run, trial = red(), view(job("build", "success", steps={0: step(0, "x", "success")}), result="success")
    trial.run_id, trial.steps_run = RunId(8), 1
    assert trial.plan is not None
    trial.plan = replace(trial.plan, trial="p" * 64)
    body = text(run, trial)
    assert "### Firebreak: ❌ failed" in body
    assert "| ◻ | `CI` | [trial of a model's proposal](https://ci/runs/8) | Neutral: trial succeeded | 1 | |" in body
    assert wanted_comment(FIRST, SHA, [run, trial], "https://ci").state.runs == (7, 8)
    assert wanted_statuses(trial, "https://ci") == []


HOSTILE = "`@octocat` | <img src=x> ![](https://evil) [x](https://evil) <!-- firebreak:sticky:v1 --> #1 \u202e\n## head"


@given(st.text(), st.text())
def test_nobodys_words_render_link_or_notify(first: str, second: str) -> None:
    for words in (HOSTILE, first, second):
        run = red()
        run.insights = Insights(
            {AT: replace(seen(words), repositories=(words, second), mended_sha=words, broke_sha=first)},
            {AT: triage(words)},
            advice(TimeoutAdvice("ci.yml", BUILD, words, 1, "warm", 3, 1), cache(words)).standing,
        )
        run.held = {JobKey(words): words}
        run.jobs[BUILD].attempt.environment_url = words
        body = text(run).split("\n", 2)[2]
        outside = re.sub(r"`[^`\n]*`", "", body)
        for word in ("@octocat", "<img", "<!--", "evil", "#1", "## head"):
            assert word not in outside
        assert outside.count("<details>") == outside.count("</details>") == 2
        assert not set(re.sub(r"[\w\s]", "", outside)) - set("#:|-,.;()[]/'<>%❌⧖…\N{WHITE HEAVY CHECK MARK}")


def cache(words: str) -> CacheAdvice:
    return CacheAdvice("ci.yml", BUILD, words, words, words, words, words, words, words, 1, 1, 1)
