"""What the file knows of a failure: in which other runs, where, what mended it, what broke this one."""

from __future__ import annotations

from collections.abc import Generator
from datetime import datetime
from pathlib import Path

import pytest

from services.learner.store.database import Database, open_database
from services.learner.store.recognizing import Broke, Mended, SeenBefore, SeenIn
from tests.contract.learner.writing import plan, step, write

ACROSS = "refs/heads/main"


@pytest.fixture
def database(tmp_path: Path) -> Generator[Database]:
    opened = open_database(tmp_path / "live.duckdb")
    yield opened
    opened.close()


def at(seconds: int) -> datetime:
    return datetime(2026, 11, 23, 12, seconds // 60, seconds % 60)


def test_seen_in_other_runs_and_repositories_mended_and_what_broke_this_one(database: Database) -> None:
    facts = [
        plan(10, 1, sha="a"),
        step(11, 1, "failure", fingerprint="f"),
        plan(20, 2, sha="b"),
        step(21, 2, "success"),
        plan(30, 3, sha="x", repository_id=6, private=True),
        step(31, 3, "failure", fingerprint="f"),
        plan(40, 4, sha="c"),
        step(41, 4, "failure", fingerprint="f"),
        plan(50, 5, sha="d"),
        step(51, 5, "failure", fingerprint="other"),
    ]
    write(database, facts)
    assert database.seen_before("f", 4) == SeenBefore(
        runs=2,
        since=at(11),
        last=at(31),
        repositories=(SeenIn(5, "octo/r5", False, 1), SeenIn(6, "octo/r6", True, 1)),
        mended=Mended("b", at(21), 5),
        broke=Broke("c", at(41), "b"),
    )


def test_it_is_asked_as_of_all_that_is_stored(database: Database) -> None:
    write(database, [plan(10, 1), step(11, 1, "failure", fingerprint="f")])
    assert database.seen_before("f", 2).runs == 1
    write(database, [plan(20, 2), step(21, 2, "failure", fingerprint="f")])
    assert database.seen_before("f", 3).runs == 2


def test_the_first_time_nothing_is_known_and_a_run_is_not_seen_before_itself(database: Database) -> None:
    write(
        database, [plan(10, 1), step(11, 1, "failure", fingerprint="f"), step(12, 1, "failure", fingerprint="f", n=2)]
    )
    assert database.seen_before("f", 1) == SeenBefore()
    assert database.seen_before("never", 1) == SeenBefore()
    assert database.seen_before("", 1) == SeenBefore()


def test_what_passed_at_the_commit_that_failed_was_mended_by_nobody(database: Database) -> None:
    write(
        database,
        [
            plan(10, 1, sha="a"),
            step(11, 1, "failure", fingerprint="f"),
            step(12, 1, "success", n=2),
            plan(20, 2, sha="b"),
            step(21, 2, "failure", fingerprint="f"),
        ],
    )
    assert database.seen_before("f", 2).mended is None


def test_a_trial_run_is_not_counted(database: Database) -> None:
    write(database, [plan(10, 1, trial="proposal"), step(11, 1, "failure", fingerprint="f")])
    assert database.seen_before("f", 2) == SeenBefore()
