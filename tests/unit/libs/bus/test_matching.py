from __future__ import annotations

import pytest

from libs.bus.matching import Matcher, is_exact, matches, overlap


@pytest.mark.parametrize(
    ("pattern", "subject", "means"),
    [
        ("ev.run.a", "ev.run.a", True),
        ("ev.run.a", "ev.run.b", False),
        ("ev.*.a", "ev.run.a", True),
        ("ev.*", "ev.run.a", False),
        ("ev.*.*", "ev.run", False),
        ("ev.>", "ev.run.a.b", True),
        ("ev.>", "ev", False),
        ("ev.run.>", "ev.runs.a", False),
        (">", "anything.at.all", True),
        ("*", "ev", True),
        ("*", "ev.run", False),
        ("ev.*.>", "ev.run.a", True),
        ("ev.*.>", "ev.run", False),
    ],
)
def test_a_pattern_means(pattern: str, subject: str, means: bool) -> None:
    assert matches(pattern, subject) is means
    assert Matcher((pattern,))(subject) is means


@pytest.mark.parametrize(
    ("one", "other", "share"),
    [
        ("cmd.run.*", "cmd.trigger.*", False),
        ("cmd.run.*", "cmd.run.7", True),
        ("cmd.>", "cmd.run.7", True),
        ("cmd.*.7", "cmd.run.*", True),
        ("cmd.run", "cmd.run.*", False),
        ("job.h1", "job.h2", False),
        ("job.h1", "job.h1", True),
    ],
)
def test_patterns_overlap_where_a_subject_is_meant_by_both(one: str, other: str, share: bool) -> None:
    assert overlap(one, other) is share
    assert overlap(other, one) is share


def test_no_filter_means_everything_and_many_subjects_stay_right() -> None:
    assert Matcher(())("anything")
    wanted = Matcher(("ev.run.*", "ev.host.*"))
    for number in range(10_000):
        assert wanted(f"ev.run.{number}")
        assert not wanted(f"ev.intake.{number}")
    assert wanted("ev.host.a")


def test_exact() -> None:
    assert is_exact("ev.run.a")
    assert not is_exact("ev.*")
    assert not is_exact("ev.>")
