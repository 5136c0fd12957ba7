"""`firebreak sql`: answers on standard output, words on standard error, exit codes that scripts rely on."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from services.cli.commands.sql import command
from tests.contract.learner.conftest import Learned


@pytest.fixture
def home(learned: Learned) -> Path:
    learned.library.publish(learned.database)
    return learned.library.folder.parent


def sql(home: Path, *arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(command, arguments, input=stdin, env={"FIREBREAK_HOME": str(home)})


def on_a_terminal(home: Path, typed: bytes, *arguments: str) -> tuple[str, int]:
    """What is shown on a terminal, and the exit code."""
    ours, theirs = os.openpty()
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "FIREBREAK_HOME": str(home), "TERM": "dumb"}
    program = [sys.executable, "-m", "services.cli", "sql", *arguments]
    with subprocess.Popen(program, env=environment, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        os.write(ours, typed)
        shown = b""
        with contextlib.suppress(OSError):
            while piece := os.read(ours, 65536):
                shown += piece
        os.close(ours)
        return shown.decode(), process.wait(20)


async def test_a_question_as_a_table_as_json_and_as_csv(learned: Learned, home: Path) -> None:
    await learned.history.one_run().whole()
    await learned.learn()
    query = "SELECT job, outcome FROM jobs"
    assert sql(home, query).stdout.splitlines() == ["job    outcome", "-----  -------", "build  success"]
    assert json.loads(sql(home, "--json", query).stdout) == [{"job": "build", "outcome": "success"}]
    assert sql(home, query, "--csv").stdout == "job,outcome\nbuild,success\n"


def test_the_question_may_come_from_standard_input(home: Path) -> None:
    assert json.loads(sql(home, "--json", stdin="SELECT 1 AS one;\n").stdout) == [{"one": 1}]


def test_rows_over_the_limit_are_announced_on_standard_error(home: Path) -> None:
    result = sql(home, "--limit", "2", "SELECT * FROM range(5)")
    assert result.stdout.splitlines()[2:] == ["    0", "    1"]
    assert "only the first 2 rows" in result.stderr


@pytest.mark.parametrize("query", ["SELEC 1", "SELECT 1; SELECT 2", "DROP TABLE cursor", "SELECT * FROM nowhere"])
def test_a_bad_statement_exits_2_with_duckdbs_words(home: Path, query: str) -> None:
    result = sql(home, query)
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: ")
    assert result.stdout == ""


def test_without_a_snapshot_it_exits_3_and_says_what_to_do(tmp_path: Path) -> None:
    result = sql(tmp_path / "nowhere", "SELECT 1")
    assert result.exit_code == 3
    assert "start the learner" in result.stderr


def test_arrow_is_a_stream_for_a_program(home: Path) -> None:
    import pyarrow as pa

    result = sql(home, "--arrow", "--limit", "2", "SELECT range AS n, now() AS t FROM range(5)")
    table = pa.ipc.open_stream(result.stdout_bytes).read_all()
    assert [row["n"] for row in table.to_pylist()] == [0, 1]
    assert "only the first 2 rows" in result.stderr


def test_arrow_is_not_for_a_terminal(home: Path) -> None:
    shown, code = on_a_terminal(home, b"", "--arrow", "SELECT 1")
    assert code == 2
    assert "not for a terminal" in shown


def test_the_prompt_knows_what_hands_used_to_psql_write(home: Path) -> None:
    shown, code = on_a_terminal(home, b"\\d\n\\d runs\nSELEC;\nSELECT 6 * 7 AS x;\nexit\n")
    assert code == 0
    assert "workflow_stats" in shown
    assert "column_name" in shown
    assert "Parser Error" in shown
    assert "42" in shown


def test_a_statement_longer_than_any_question_is_refused(home: Path) -> None:
    result = sql(home, stdin="SELECT 1 -- " + "x" * 300_000)
    assert result.exit_code == 2
    assert "longer than 262144 bytes" in result.stderr


def test_a_question_has_its_time_and_a_slow_reader_has_his(home: Path) -> None:
    program = [sys.executable, "-m", "services.cli", "sql", "--csv", "--limit", "1000000", "--timeout", "2"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "FIREBREAK_HOME": str(home)}
    with subprocess.Popen([*program, "FROM range(100000)"], env=environment, stdout=subprocess.PIPE) as process:
        # As a person at a pager: the answer waits for longer than the question may run.
        time.sleep(3.5)
        assert process.stdout is not None
        assert process.stdout.read().count(b"\r\n") == 100_001
        assert process.wait(20) == 0


async def test_a_documented_question_is_asked_by_its_name(learned: Learned, home: Path) -> None:
    await learned.history.one_run().whole()
    await learned.learn()
    (row,) = json.loads(sql(home, "--json", "--example", "slowest-jobs").stdout)
    assert (row["job"], row["total"]) == ("build", 1)


def test_the_documented_questions_are_listed_without_any_snapshot(tmp_path: Path) -> None:
    assert "broke-this-week" in sql(tmp_path / "nowhere", "--examples").stdout
    listed = json.loads(sql(tmp_path / "nowhere", "--examples", "--json").stdout)
    assert {"name", "question", "query"} == set(listed[0])


@pytest.mark.parametrize("arguments", [("--example", "weather"), ("--example", "advice", "SELECT 1")])
def test_an_example_that_is_none_exits_2(home: Path, arguments: tuple[str, ...]) -> None:
    assert sql(home, *arguments).exit_code == 2


def test_help_has_an_example() -> None:
    assert 'Example: firebreak sql "SELECT' in CliRunner().invoke(command, ["--help"]).stdout


def test_ctrl_c_ends_a_long_question_at_once(home: Path) -> None:
    endless = "SELECT count(*) FROM range(1000000000) a, range(100000) b"
    program = [sys.executable, "-m", "services.cli", "sql", endless]
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "FIREBREAK_HOME": str(home)}
    with subprocess.Popen(program, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        time.sleep(1.5)
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(10) == 130
        finally:
            process.kill()
