"""What a job holds up: its own time and the longest chain behind it."""

from __future__ import annotations

from graphlib import CycleError

import pytest

from libs.workflow.critical_path import critical_path


def test_a_job_counts_with_the_longest_chain_that_waits_for_it() -> None:
    needs = {"lint": (), "build": (), "test": ("build",), "docs": ("build",), "ship": ("test", "docs", "lint")}
    durations = {"lint": 1.0, "build": 10.0, "test": 20.0, "docs": 5.0, "ship": 2.0}
    assert critical_path(durations, needs) == {"ship": 2.0, "docs": 7.0, "test": 22.0, "build": 32.0, "lint": 3.0}


def test_a_job_of_unknown_length_still_passes_on_what_waits_for_it() -> None:
    assert critical_path({"test": 20.0}, {"test": ("build",), "build": ()}) == {"test": 20.0, "build": 20.0}


def test_a_job_that_only_has_a_duration_is_in_the_answer() -> None:
    assert critical_path({"alone": 3.0}, {}) == {"alone": 3.0}


def test_nothing_is_an_empty_answer() -> None:
    assert critical_path({}, {}) == {}


def test_a_thousand_jobs_in_a_row_need_no_deep_stack() -> None:
    needs = {str(number): (str(number - 1),) if number else () for number in range(5_000)}
    assert critical_path(dict.fromkeys(needs, 1.0), needs)["0"] == 5_000


def test_jobs_that_wait_for_each_other_are_an_error() -> None:
    with pytest.raises(CycleError):
        critical_path({}, {"a": ("b",), "b": ("a",)})
