"""The trace goes along with the message."""

import io

import pytest

from libs.telemetry import log, trace


def test_a_handled_message_continues_its_trace() -> None:
    with trace.continued({"traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01"}):
        now = trace.current()
    assert now.startswith("00-" + "a" * 32)
    assert "b" * 16 not in now


@pytest.mark.parametrize("header", ["", "00-xyz", "00-" + "A" * 32 + "-" + "b" * 16 + "-01", "\n"])
def test_what_is_no_traceparent_begins_a_new_trace(header: str) -> None:
    with trace.continued({"traceparent": header}) as made:
        assert len(made) == 55


def test_a_log_line_is_one_line_whatever_a_field_holds() -> None:
    stream = io.StringIO()
    log.configure("text", stream=stream)
    try:
        log.get("x").info("came", name="a\nb\x1b[31m")
    finally:
        log.configure("text", stream=None)
    assert stream.getvalue().count("\n") == 1
    assert "\x1b" not in stream.getvalue()
