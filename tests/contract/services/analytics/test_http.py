"""The endpoint's contract: forms, statuses, headers, who may ask, and what its processes may do."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pyarrow as pa
import pytest

from libs.analytics.snapshot import FOLDER, newest_snapshot, snapshot_number
from tests.contract.services.analytics.conftest import Endpoint, listening, publish
from tests.contract.services.analytics.hostile import TOO_LONG


def test_one_answer_in_every_form(endpoint: Endpoint) -> None:
    query = "SELECT range AS n, 'ü' AS t FROM range(2)"
    rows = [{"n": 0, "t": "ü"}, {"n": 1, "t": "ü"}]
    assert endpoint.ask(query, "json").json() == rows
    assert [json.loads(line) for line in endpoint.ask(query, "ndjson").text.splitlines()] == rows
    assert endpoint.ask(query, "csv").text == "n,t\r\n0,ü\r\n1,ü\r\n"
    assert pa.ipc.open_stream(io.BytesIO(endpoint.ask(query, "arrow").content)).read_all().to_pylist() == rows
    assert endpoint.ask(query, "table").text.splitlines()[0] == "n  t"


@pytest.mark.parametrize(
    ("accept", "type_"),
    [
        ("*/*", "application/json"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "application/json"),
        ("text/csv", "text/csv; charset=utf-8; header=present"),
        ("application/json;q=0.1, application/x-ndjson", "application/x-ndjson"),
        ("application/vnd.apache.arrow.stream", "application/vnd.apache.arrow.stream"),
    ],
)
def test_the_form_may_be_named_by_accept(endpoint: Endpoint, accept: str, type_: str) -> None:
    answer = endpoint.client.get("/sql", params={"q": "SELECT 1"}, headers={"accept": accept})
    assert (answer.status_code, answer.headers["content-type"]) == (200, type_)


def test_a_table_shows_a_line_end_and_what_a_terminal_would_obey(endpoint: Endpoint) -> None:
    """The process has given up reading files by then, the codec's own among them."""
    answer = endpoint.ask(r"SELECT chr(27) || '[2J' AS a, E'x\n' AS b", "table")
    assert (answer.status_code, answer.text.splitlines()[-1].split()) == (200, [r"\x1b[2J", r"x\n"])


def test_an_answer_says_which_snapshot_was_asked(endpoint: Endpoint) -> None:
    before = newest_snapshot(endpoint.home / FOLDER)
    answer = endpoint.ask("SELECT 1")
    assert answer.headers["firebreak-snapshot"] == str(snapshot_number(before))
    assert answer.headers["firebreak-snapshot-time"].endswith("+00:00")
    assert answer.headers["firebreak-cut"] == "false"
    after = publish(endpoint.home / FOLDER)
    assert endpoint.ask("SELECT 1").headers["firebreak-snapshot"] == str(snapshot_number(after))
    assert endpoint.client.get("/readyz").json() == {"status": "ready", "snapshot": snapshot_number(after)}


def test_rows_over_the_limit_are_cut_and_exactly_at_it_are_not(endpoint: Endpoint) -> None:
    for form in ("json", "ndjson", "csv", "arrow", "table"):
        assert endpoint.ask("FROM range(3)", form, limit="2").headers["firebreak-cut"] == "true"
        assert endpoint.ask("FROM range(3)", form, limit="3").headers["firebreak-cut"] == "false"


def test_times_are_utc(endpoint: Endpoint) -> None:
    (row,) = endpoint.ask("SELECT now()::TIMESTAMP AS naive, now() AS zoned").json()
    assert row["zoned"] == row["naive"].removesuffix("Z") + "+00:00"


@pytest.mark.parametrize(
    ("path", "accept", "status", "says"),
    [
        ("/sql", "*/*", 400, "no statement"),
        ("/sql?q=SELECT%201&format=xml", "*/*", 400, "json, ndjson, csv, arrow"),
        ("/sql?q=SELECT%201&limit=0", "*/*", 400, "1 to 1000000"),
        ("/sql?q=SELECT%201", "image/png", 406, "text/csv"),
        ("/sql?q=SELECT%20nothing", "*/*", 400, "nothing"),
        ("/elsewhere", "*/*", 404, "Not Found"),
    ],
)
def test_what_is_wrong_is_said_as_json(endpoint: Endpoint, path: str, accept: str, status: int, says: str) -> None:
    answer = endpoint.client.get(path, headers={"accept": accept})
    assert (answer.status_code, answer.json()["error"]) == (status, status)
    assert says in answer.json()["message"]


def test_a_statement_that_is_no_text_is_refused(endpoint: Endpoint) -> None:
    assert endpoint.client.post("/sql", content=b"SELECT '\xff'").status_code == 400
    assert endpoint.client.delete("/sql").status_code == 405


def test_a_name_that_is_not_its_own_is_refused(endpoint: Endpoint) -> None:
    answer = endpoint.client.get("/sql?q=SELECT%201", headers={"host": "evil.example"})
    assert answer.status_code == 421


def test_a_page_says_how_to_ask(endpoint: Endpoint) -> None:
    page = endpoint.client.get("/").text
    assert "POST /sql" in page
    assert newest_snapshot(endpoint.home / FOLDER).name in page


def test_questions_are_counted(endpoint: Endpoint) -> None:
    assert endpoint.ask("SELEC").status_code == 400
    assert 'firebreak_analytics_questions_total{ended="statement"}' in endpoint.client.get("/metrics").text


def test_whoever_leaves_ends_his_question(endpoint: Endpoint) -> None:
    with pytest.raises(httpx.ReadTimeout):
        endpoint.client.post("/sql", content=TOO_LONG["what heeds no interrupt"].encode(), timeout=0.3)
    deadline = time.monotonic() + 20
    while 'questions_total{ended="left"}' not in endpoint.client.get("/metrics").text:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert endpoint.lives()


def test_no_process_of_it_can_write_and_the_answering_ones_hold_no_environment(endpoint: Endpoint) -> None:
    assert endpoint.lives()
    (answering,) = _children(endpoint.process.pid)[:1]
    limits = Path(f"/proc/{answering}/limits").read_text()
    assert [line.split()[3:5] for line in limits.splitlines() if line.startswith("Max file size")] == [["0", "0"]]
    environment = Path(f"/proc/{answering}/environ").read_bytes()
    assert b"FIREBREAK" not in environment
    assert b"NoNewPrivs:\t1" in Path(f"/proc/{answering}/status").read_bytes()


def test_it_stops_at_once_whatever_is_asked(home: Path) -> None:
    with listening(home, FIREBREAK_ANALYTICS_SECONDS="60") as endpoint, ThreadPoolExecutor(1) as pool:
        asked = pool.submit(endpoint.ask, TOO_LONG["what heeds no interrupt"])
        while not _children(endpoint.process.pid):
            time.sleep(0.05)
        endpoint.process.terminate()
        answer = asked.result(20)
        assert (answer.status_code, "being stopped" in answer.text) == (503, True)
        assert endpoint.process.wait(20) == 0
    assert "Traceback" not in (home / "analytics.log").read_text()


def test_the_death_of_an_answering_process_is_that_answers_end_alone(endpoint: Endpoint) -> None:
    assert endpoint.lives()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(endpoint.ask, TOO_LONG["what heeds no interrupt"])
        time.sleep(0.3)
        for pid in _children(endpoint.process.pid):
            os.kill(pid, signal.SIGKILL)
        answer = asked.result(20)
    assert (answer.status_code, "signal 9" in answer.text) == (422, True)
    assert endpoint.lives()


def test_snapshots_in_a_folder_that_was_made_anew_are_found(tmp_path: Path) -> None:
    folder = tmp_path / FOLDER
    folder.mkdir()
    publish(folder)
    with listening(tmp_path) as endpoint:
        assert endpoint.lives()
        shutil.rmtree(folder)
        assert endpoint.ask("SELECT 1").status_code == 503
        folder.mkdir()
        publish(folder)
        assert endpoint.lives()


def test_a_token_is_asked_for_where_one_is_set(home: Path) -> None:
    with listening(home, FIREBREAK_ANALYTICS_TOKEN="s3cret") as endpoint:
        for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "Basic s3cret"}):
            answer = endpoint.client.get("/sql?q=SELECT%201", headers=headers)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"].startswith("Bearer")
        assert endpoint.client.get("/healthz").status_code == 200
        allowed = endpoint.client.get("/sql?q=SELECT%201", headers={"authorization": "Bearer s3cret"})
        assert allowed.status_code == 200
        environments = [Path(f"/proc/{pid}/environ").read_bytes() for pid in _children(endpoint.process.pid)]
        assert environments
        assert not [each for each in environments if b"s3cret" in each]


def test_before_the_first_snapshot_it_waits_for_one(tmp_path: Path) -> None:
    with listening(tmp_path) as endpoint:
        answer = endpoint.ask("SELECT 1")
        assert (answer.status_code, endpoint.client.get("/readyz").status_code) == (503, 503)
        assert "start the learner" in answer.json()["message"]
        (tmp_path / FOLDER).mkdir()
        publish(tmp_path / FOLDER)
        assert endpoint.lives()


def _children(pid: int) -> list[int]:
    return [int(each) for task in os.listdir(f"/proc/{pid}/task") for each in _read(pid, task).split()]


def _read(pid: int, task: str) -> str:
    return Path(f"/proc/{pid}/task/{task}/children").read_text()
