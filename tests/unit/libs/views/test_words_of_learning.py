"""What was learned, in sentences that people read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from libs.contracts.advice import (
    Advice,
    AdviceMeasured,
    CacheAdvice,
    DurationAdvice,
    FlakyAdvice,
    PoolAdvice,
    TimeoutAdvice,
)
from libs.contracts.ids import HostId, JobKey
from libs.contracts.model import TriageGiven
from libs.contracts.recognition import FailureRecognized
from libs.contracts.size import Size
from libs.views.advice import became, sentence
from libs.views.dates import day
from libs.views.recognition import seen_before
from libs.views.triage import category_words, model_words

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)  # a Tuesday
BUILD = JobKey("build")


def quote(text: str) -> str:
    return f"<{text}>"


def recognized(**fields: object) -> FailureRecognized:
    return FailureRecognized(1, BUILD, 1, 0, "Run make", "f" * 16, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("days", "word"),
    [
        (0, "today"),
        (1, "yesterday"),
        (2, "Sunday"),
        (6, "Wednesday"),
        (7, "17 November"),
        (400, "20 October 2025"),
        (-1, "25 November"),
    ],
)
def test_days_as_people_say_them(days: int, word: str) -> None:
    assert day(NOW - timedelta(days=days), NOW) == word


def test_a_failure_that_was_seen_before() -> None:
    seen = recognized(
        runs=12,
        since=NOW - timedelta(days=5),
        repositories=("octo/a", "octo/b"),
        others=2,
        mended_sha="abc123" + "0" * 34,
        mended_at=NOW - timedelta(days=8),
    )
    assert seen_before(seen, NOW, quote) == (
        "seen before in 12 runs since Thursday, in <octo/a>, <octo/b> and 2 others; "
        "last time it went away with commit <abc123000000> (16 November)"
    )


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (recognized(), ""),
        (recognized(runs=1), "seen before in 1 run"),
        (recognized(runs=2, repositories=("octo/a",)), "seen before in 2 runs"),
        (recognized(runs=2, repositories=("octo/a",), others=1), "seen before in 2 runs, in <octo/a> and 1 other"),
        (recognized(runs=9, repositories=tuple("abcde")), "seen before in 9 runs, in <a>, <b>, <c> and 2 others"),
        (recognized(broke_sha="b" * 40), f"it began with commit <{'b' * 12}>"),
    ],
)
def test_what_is_not_known_is_not_said(seen: FailureRecognized, words: str) -> None:
    assert seen_before(seen, NOW, quote) == words


def test_a_models_words_are_told_as_such_and_rules_have_words_of_their_own() -> None:
    said = TriageGiven(1, BUILD, 1, 0, "Run make", "test failure", "model", (12, 14), "Two tests fail.", "gemma3:4b")
    assert (
        model_words(said, quote)
        == "a model (<gemma3:4b>) guesses <test failure> from lines 12 and 14: <Two tests fail.>"
    )
    assert model_words(TriageGiven(1, BUILD, 1, 0, "Run make", "network", "rules"), quote) == ""
    assert category_words("out of memory") == "it ran out of memory"
    assert category_words("") == ""


PIECES: list[tuple[Advice, str]] = [
    (
        TimeoutAdvice("ci.yml", BUILD, "Build", 420_000, "warm", 41, 190_000),
        "<Build> fits into 7 min 00 s (longest of 41 successes 3 min 10 s)",
    ),
    (
        TimeoutAdvice("ci.yml", BUILD, "Build", 840_000, "warm", 41, 190_000, kills=1),
        "<Build> fits into 14 min 00 s (longest of 41 successes 3 min 10 s; doubled after it ended 1 job)",
    ),
    (
        DurationAdvice("ci.yml", BUILD, "Build", 190_000, 50, failed_lately=True),
        "<Build> usually takes 3 min 10 s (median of 50 runs); it failed the last time, so it goes first",
    ),
    (
        FlakyAdvice("ci.yml", BUILD, "Build", "Run tests", "flaky", ("a", "b"), 0.031, 4, NOW),
        "step <Run tests> of <Build> is flaky: it passed and failed at 2 commits (at least 3.1% of the time)",
    ),
    (
        FlakyAdvice("ci.yml", BUILD, "Build", "", "watch", ("a",), 0.01, 4, NOW),
        "<Build> may be flaky: it passed and failed at 1 commit (at least 1.0% of the time)",
    ),
    (
        CacheAdvice(
            "ci.yml",
            BUILD,
            "Build",
            "npm ci",
            "npm",
            "package-lock.json",
            "~/.npm",
            "k",
            "actions/cache",
            40_000,
            30_000,
            9,
        ),
        "step <npm ci> of <Build> takes 40.0 s and installs what <package-lock.json> fixes: <actions/cache> with the "
        "path <~/.npm> and the key <k> would save about 30.0 s a run",
    ),
    (
        PoolAdvice(HostId("kvm-1"), "fork", Size(2, 4096), 3, 12.25, 4.04, 288),
        "host <kvm-1>: 3 machines of 2cpu-4gb ready for forks (12.2 jobs an hour, dispersion 4.0)",
    ),
]


@pytest.mark.parametrize(("advice", "words"), PIECES, ids=[words[:30] for _, words in PIECES])
def test_each_piece_has_a_sentence_with_its_evidence(advice: Advice, words: str) -> None:
    assert sentence(advice, quote) == words


def measured(kind: str, **fields: object) -> AdviceMeasured:
    given = {"path": "ci.yml", "job": BUILD, "step": "", "since": NOW, "until": NOW, "seen": 10}
    given |= {"applied": 0, "right": 0, "wrong": 0}
    return AdviceMeasured(kind, **(given | fields))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (measured("timeout", seen=0), ""),
        (measured("timeout", right=1), "shadow: it would have ended 1 hang and 0 successes of 10 jobs"),
        (
            measured("timeout", applied=9, right=2, wrong=1, saved_ms=3_600_000),
            "applied to 9 jobs: it ended 2 hangs and 1 success of 10 jobs, 1 h 00 min of machines saved",
        ),
        (measured("duration", right=8, wrong=2, error_ms=4_000.0), "right for 8 of 10 jobs, half of them within 4.0 s"),
        (measured("flaky", applied=3, right=2, wrong=1), "run again 3 times: passed 2, failed 1"),
        (measured("cache"), "no cache yet"),
        (measured("pool", right=9), "9 of 10 jobs found a machine ready"),
    ],
)
def test_what_became_of_it(what: AdviceMeasured, words: str) -> None:
    assert became(what) == words
