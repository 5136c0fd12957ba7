"""Ids follow from causes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts import ids, subjects
from libs.contracts.ids import BootId, HostId, JobKey, RunId


@given(st.text(), st.text())
def test_a_run_id_fits_into_a_double_and_is_never_zero(cause: str, path: str) -> None:
    run_id = ids.run_id_of(cause, path)
    assert 0 < run_id < 2**53
    assert int(float(run_id)) == run_id
    assert run_id == ids.run_id_of(cause, path)


def test_two_workflows_of_one_delivery_are_two_runs() -> None:
    assert ids.run_id_of("guid", "a.yml") != ids.run_id_of("guid", "b.yml")


@pytest.mark.parametrize(
    ("parts", "key"),
    [
        (("build",), "build"),
        (("build", '{"os":"linux"}'), "build~" + "b5c2f2e1"),
        (("build", None, "caller"), "caller~build"),
    ],
)
def test_a_job_key_names_caller_job_and_matrix(parts: tuple[str, ...], key: str) -> None:
    made = ids.job_key(*parts)
    assert made.split("~")[:-1] == key.split("~")[:-1]
    assert len(made) == len(key)


def test_a_repository_name_becomes_a_subject_token() -> None:
    assert ids.token("Hello.World-1_x") == "hello~world-1_x"


@pytest.mark.parametrize("text", ["", "a b", "a*", "a>b", "a/b", "é", "a\n"])
def test_what_cannot_be_a_token_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="cannot be a part"):
        ids.token(text)


@pytest.mark.parametrize(
    "text", ["", "x", "72d3162e-cc78-11e3-81ab-4c9367dc095", "72d3162ecc7811e381ab4c9367dc0958", "ev.>"]
)
def test_a_delivery_id_that_is_no_uuid_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"UUID|hexadecimal"):
        ids.parse_guid(text)


def test_a_delivery_id_has_one_spelling() -> None:
    assert ids.parse_guid("72D3162E-CC78-11E3-81AB-4C9367DC0958") == "72d3162e-cc78-11e3-81ab-4c9367dc0958"


def test_a_boot_id_is_opaque() -> None:
    assert BootId("x") == "x"


def test_an_attempts_subject_is_read_back() -> None:
    run = subjects.RunAddress("Octo.Cat", "Hello", RunId(7))
    subject = subjects.attempt(HostId("h1"), run, JobKey("build~1a2b3c4d"), 2)
    assert subject == "ev.attempt.h1.octo~cat.hello.7.build~1a2b3c4d.2"
    assert subjects.parse_attempt(subject) == ("h1", "octo~cat", "hello", 7, "build~1a2b3c4d", 2)


@pytest.mark.parametrize("subject", ["ev.attempt.h1", "ev.run.a.b.7.x.y.z", ""])
def test_no_attempts_subject_is_refused(subject: str) -> None:
    with pytest.raises(ValueError, match="no attempt's subject"):
        subjects.parse_attempt(subject)


def test_every_subject_has_a_stream() -> None:
    assert subjects.stream_of(subjects.run("a", "b", RunId(1))) == "EVENTS"
    assert subjects.stream_of(subjects.doorbell(HostId("h"))) == "JOBS"
