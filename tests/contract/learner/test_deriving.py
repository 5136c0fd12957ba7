"""What broke and mended, and the sums of days: the same however the log was cut into parts, and as computed by hand."""

from __future__ import annotations

import itertools
import random
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from services.learner.folding.facts import PlanFact, StepFact
from services.learner.learning.beta import beta_quantile
from services.learner.learning.rates import NOW_SECONDS, TREND_SECONDS, success_rate
from services.learner.store import deriving, words
from services.learner.store.database import Database, open_database
from services.learner.store.views.rates import MACROS
from tests.contract.learner.writing import NOON, connection_of, plan, step, write

MAIN, BRANCH = "refs/heads/main", "refs/pull/4/merge"
Story = list[tuple[str, str, str]]
"""(ref, commit, outcome), one run of one step each, in order."""


@pytest.fixture
def database(tmp_path: Path) -> Generator[Database]:
    opened = open_database(tmp_path / "live.duckdb")
    yield opened
    opened.close()


def facts_of(story: Story) -> list[PlanFact | StepFact]:
    made: list[PlanFact | StepFact] = []
    for number, (ref, sha, outcome) in enumerate(story, 1):
        seq = 10 * number
        made.append(plan(seq, number, ref=ref, sha=sha))
        made.append(step(seq + 1, number, outcome, fingerprint="f" if outcome != "success" else ""))
    return made


def changes(database: Database) -> list[tuple[Any, ...]]:
    rows = connection_of(database).execute("""
        SELECT c.run_id, c.kind, r.ref, k.sha, c.since_seq, p.sha, f.sha, c.fingerprint_kid FROM change_fact c
        JOIN ref_key r ON r.kid = c.ref_kid JOIN commit_key k ON k.kid = c.commit_kid
        LEFT JOIN commit_key p ON p.kid = c.passed_kid LEFT JOIN commit_key f ON f.kid = c.failed_kid
        ORDER BY c.seq, c.place""")
    return rows.fetchall()


def test_it_breaks_at_the_first_failing_commit_after_a_passing_one_and_mends_at_the_next_that_passes(
    database: Database,
) -> None:
    story = [(MAIN, "a", "success"), (MAIN, "b", "failure"), (MAIN, "c", "failure"), (MAIN, "d", "success")]
    write(database, facts_of(story))
    database.derive()
    assert changes(database) == [
        (2, "broke", MAIN, "b", 21, "a", None, 1),
        (3, "failing", MAIN, "c", 21, None, None, 1),
        (4, "mended", MAIN, "d", 21, None, "c", 1),
    ]


def test_refs_do_not_speak_for_each_other(database: Database) -> None:
    story = [(MAIN, "a", "success"), (BRANCH, "b", "failure"), (MAIN, "c", "success"), (BRANCH, "d", "success")]
    write(database, facts_of(story))
    database.derive()
    assert [row[:4] + row[5:7] for row in changes(database)] == [
        (2, "broke", BRANCH, "b", None, None),
        (4, "mended", BRANCH, "d", None, "b"),
    ]


@pytest.mark.parametrize("outcome", ["error", "cancellation", "skip"])
def test_what_the_code_did_not_decide_changes_nothing(database: Database, outcome: str) -> None:
    write(database, facts_of([(MAIN, "a", "failure"), (MAIN, "b", outcome), (MAIN, "c", "failure")]))
    database.derive()
    assert [row[1] for row in changes(database)] == ["broke", "failing"]


def test_the_same_commit_that_fails_and_passes_broke_and_mended_nothing(database: Database) -> None:
    write(database, facts_of([(MAIN, "a", "success"), (MAIN, "a", "failure"), (MAIN, "a", "success")]))
    database.derive()
    rows = connection_of(database).execute("SELECT broke_sha, mended_sha, flaky FROM breakages").fetchall()
    assert rows == [("a", "a", True)]


def model(story: Story) -> list[tuple[int, str]]:
    """(run, kind) by the definition, one after the other."""
    failing: set[str] = set()
    found: list[tuple[int, str]] = []
    for number, (ref, _, outcome) in enumerate(story, 1):
        if outcome in {"failure", "timeout"}:
            found.append((number, "failing" if ref in failing else "broke"))
            failing.add(ref)
        elif outcome == "success" and ref in failing:
            found.append((number, "mended"))
            failing.remove(ref)
    return found


@pytest.mark.parametrize("seed", range(3))
def test_however_the_log_is_cut_into_parts_it_is_the_same(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    outcomes = ["success"] * 5 + ["failure"] * 3 + ["timeout", "error", "cancellation", "skip"]
    story = [(chance.choice([MAIN, BRANCH]), chance.choice("abcdefgh"), chance.choice(outcomes)) for _ in range(60)]
    facts = facts_of(story)
    found: list[list[tuple[Any, ...]]] = []
    for cuts in ([], [7], sorted(chance.sample(range(1, len(facts)), 20))):
        database = open_database(tmp_path / f"{len(found)}.duckdb")
        for begin, end in itertools.pairwise([0, *cuts, len(facts)]):
            write(database, facts[begin:end])
            database.derive()
        found.append(changes(database))
        database.close()
    assert [row[:2] for row in found[0]] == model(story)
    assert found[1] == found[0]
    assert found[2] == found[0]


def test_success_rates_are_the_formulas_whether_summed_or_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(5)
    hours = sorted(chance.uniform(0, 24 * 40) for _ in range(80))
    outcomes = [(hour * 3600, chance.random() < 0.8) for hour in hours]
    facts: list[PlanFact | StepFact] = []
    for number, (at, passed) in enumerate(outcomes, 1):
        facts.append(plan(10 * number, number, at=NOON + int(at * 1_000_000)))
        result = "success" if passed else "failure"
        facts.append(step(10 * number + 1, number, result, at=NOON + int(at * 1_000_000)))
    now = hours[-1] * 3600 + 5_000
    answers: list[tuple[Any, ...]] = []
    for roll in (10, 1_000_000):
        monkeypatch.setattr(deriving, "ROLL_EVENTS", roll)
        database = open_database(tmp_path / f"{roll}.duckdb")
        for begin in range(0, len(facts), 50):
            write(database, facts[begin : begin + 50])
            database.derive()
        connection = connection_of(database)
        connection.execute(f"CREATE OR REPLACE VIEW as_of AS SELECT make_timestamp({NOON + int(now * 1e6)}) AS now")
        (row,) = connection.execute(
            "SELECT now_rate, now_low, now_high, now_weight, trend_rate, trend_low, trend_high, trend_weight,"
            " parent_rate FROM success_rates WHERE level = 'step'"
        ).fetchall()
        answers.append(row)
        database.close()
    assert answers[0] == pytest.approx(answers[1])
    parent = float(answers[0][8])
    for half_life, found in ((NOW_SECONDS, answers[0][:4]), (TREND_SECONDS, answers[0][4:8])):
        rate = success_rate(outcomes, now, parent, half_life)
        assert (found[0], found[3]) == pytest.approx((rate.mean, rate.weight), rel=1e-6)
        assert found[1:3] == pytest.approx((rate.low, rate.high), abs=0.02)


def test_the_interval_is_near_the_exact_one() -> None:
    """Within 0.08, within 0.03 from ten outcomes on."""
    import duckdb

    outcomes = [(0, 0), (1, 0), (3, 1), (0, 3), (10, 0), (40, 2), (500, 0), (30, 30), (0, 20)]
    with duckdb.connect() as connection:
        for macro in MACROS:
            connection.execute(macro)
        for parent, (passed, failed) in itertools.product([0.005, 0.3, 0.8, 0.95, 0.995], outcomes):
            a, b = 5 * parent + passed, 5 * (1 - parent) + failed
            query = "SELECT beta_quantile_at(-1.6448536, $a, $b), beta_quantile_at(1.6448536, $a, $b)"
            (found,) = connection.execute(query, {"a": a, "b": b}).fetchall()
            bound = 0.08 if passed + failed < 10 else 0.03
            assert found == pytest.approx((beta_quantile(0.05, a, b), beta_quantile(0.95, a, b)), abs=bound)


def test_the_half_lives_are_the_formulas() -> None:
    assert (words.NOW_SECONDS, words.TREND_SECONDS) == (NOW_SECONDS, TREND_SECONDS)
