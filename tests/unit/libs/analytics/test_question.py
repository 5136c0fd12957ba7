"""What an asking and an answering process say to each other."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.analytics.asked import refusal_of
from libs.analytics.question import (
    HEAD,
    LONGEST_BYTES,
    Begun,
    Ended,
    Garbled,
    Part,
    Question,
    Refused,
    length_of,
    part_message,
    part_of,
    question_message,
    question_of,
)

PARTS = st.one_of(
    st.builds(Begun, st.integers(0, 2**53), st.text()),
    st.binary(),
    st.builds(Ended, st.booleans()),
    st.builds(Refused, st.sampled_from(["statement", "work", "time", "snapshot"]), st.text()),
)


@settings(deadline=None)
@given(PARTS)
def test_what_is_said_is_heard(part: Part) -> None:
    message = part_message(part)
    head, content = message[: HEAD.size], message[HEAD.size :]
    assert length_of(head) == len(content)
    assert part_of(head, content) == part


def test_a_question_is_heard_too() -> None:
    question = Question("SELECT 'ü'", "arrow", 5, 6, 7.5)
    message = question_message(question)
    assert question_of(message[HEAD.size :]) == question


@settings(deadline=None)
@given(st.binary(min_size=HEAD.size, max_size=HEAD.size), st.binary(max_size=50))
def test_whatever_comes_is_a_part_or_garbled(head: bytes, content: bytes) -> None:
    try:
        assert 0 <= length_of(head) <= LONGEST_BYTES
        part_of(head, content)
    except Garbled:
        pass


def test_how_the_process_ended_says_what_was_wrong() -> None:
    assert refusal_of(-14, 10).fault == "time"
    assert "longer than 10 s" in refusal_of(-14, 10).message
    assert refusal_of(-9, 10).fault == refusal_of(1, 10).fault == "work"
    assert "signal 9" in refusal_of(-9, 10).message


def test_a_length_that_nobody_says_is_not_waited_for() -> None:
    with pytest.raises(Garbled):
        length_of(HEAD.pack(b"t", LONGEST_BYTES + 1))
