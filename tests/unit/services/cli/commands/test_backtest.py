"""`firebreak backtest`: what it prints, and how it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from libs.contracts.run import RunPlanned
from services.cli.commands.backtest import FLOOR_SECONDS, JOBS, PER_JOB, command
from services.learner.backtest import report
from services.learner.backtest.policies import POLICIES
from services.learner.backtest.synthetic import Parameters
from tests.unit.services.learner.backtest.test_recorded import PLAN, finished, lines, queued

SMALL = ("--synthetic", "--jobs", "30", "--per-job", "40")


def run(*arguments: str, input: bytes | None = None) -> Result:
    return CliRunner().invoke(command, list(arguments), input=input)


def test_json_is_one_object_a_rule_and_nothing_else() -> None:
    rows = [json.loads(line) for line in run(*SMALL, "--seed", "7", "--json").stdout.splitlines()]
    assert [row["policy"] for row in rows] == list(POLICIES)
    assert all(0 <= row["hang_saved_share"] <= 1 and row["false_kills_per_10k"] >= 0 for row in rows)
    (ours,) = (row for row in rows if "forecasts" in row)
    assert ours["policy"] == "firebreak"
    assert {"log_loss", "coverage"} <= ours["forecasts"].keys()
    assert "precision" in ours["flaky"]


def test_the_same_seed_prints_the_same_and_another_one_does_not() -> None:
    first, again, other = (run(*SMALL, "--json", "--seed", seed).stdout for seed in ("7", "7", "8"))
    assert first == again != other


def test_the_table_has_every_rule() -> None:
    shown = run(*SMALL).stdout
    assert all(name in shown for name in POLICIES)
    assert "log-loss" in shown


def test_a_file_and_standard_input_are_the_same_trace(tmp_path: Path) -> None:
    events = [lines(number, RunPlanned(PLAN), queued(), finished("success")) for number in range(5)]
    log = b"".join(line for each in events for line in each)
    file = tmp_path / "log.ndjson"
    file.write_bytes(log)
    from_file, from_input = run(str(file), "--json"), run("-", "--json", input=log)
    assert from_file.exit_code == 0
    assert from_file.stdout == from_input.stdout
    assert json.loads(from_file.stdout.splitlines()[0])["runs"] == 5
    assert "5 jobs; left out: 0" in from_file.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "name a TRACE"),
        (("log", "--synthetic"), "not both"),
        (("/no/such/file",), "/no/such/file cannot be read"),
        (("--synthetic", "--jobs", "10000", "--per-job", "2000"), "at most 5,000,000"),
        (("--synthetic", "--seed", "-1"), "--seed"),
    ],
)
def test_a_call_that_cannot_be_answered_is_refused(arguments: tuple[str, ...], says: str) -> None:
    refused = run(*arguments)
    assert refused.exit_code == 2
    assert says in refused.stderr


@pytest.mark.parametrize(("log", "says"), [(b"nonsense\n", "line 1 is no event"), (b"", "holds no job")])
def test_a_trace_that_is_none_is_refused(log: bytes, says: str) -> None:
    refused = run("-", input=log)
    assert refused.exit_code == 2
    assert says in refused.stderr


def test_what_help_says_is_what_the_trace_is_made_with() -> None:
    made = Parameters()
    assert (made.jobs, made.per_job, report.FLOOR_SECONDS) == (JOBS, PER_JOB, FLOOR_SECONDS)
