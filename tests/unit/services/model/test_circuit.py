"""A model that fails again and again is left alone for a while, then tried once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.model.circuit import FAILURES, PAUSE_SECONDS, Circuit, answered, ask, failed, given_up


def opened(now: float = 0.0) -> Circuit:
    circuit = Circuit()
    for _ in range(FAILURES):
        circuit = failed(circuit, now)
    return circuit


def test_it_opens_after_failures_in_a_row_and_an_answer_forgives_them() -> None:
    circuit = failed(failed(Circuit(), 0), 0)
    assert ask(circuit, 0) is not None
    assert ask(failed(answered(circuit), 0), 0) is not None
    assert ask(failed(circuit, 0), 0) is None


def test_after_the_pause_one_question_is_let_through() -> None:
    assert ask(opened(), PAUSE_SECONDS - 0.1) is None
    trying = ask(opened(), PAUSE_SECONDS)
    assert trying is not None
    assert ask(trying, PAUSE_SECONDS) is None
    assert ask(failed(trying, PAUSE_SECONDS), PAUSE_SECONDS + 1) is None
    assert ask(answered(trying), PAUSE_SECONDS) == Circuit()


def test_a_question_that_was_given_up_says_nothing() -> None:
    trying = ask(opened(), PAUSE_SECONDS)
    assert trying is not None
    assert ask(given_up(trying), PAUSE_SECONDS) is not None


@given(st.lists(st.sampled_from(["fail", "answer", "give up"])), st.floats(0, 1000))
def test_it_never_stays_shut(story: list[str], later: float) -> None:
    circuit, now = Circuit(), 0.0
    for word in story:
        now += 1
        begun = ask(circuit, now)
        if begun is not None:
            circuit = {"fail": failed(begun, now), "answer": answered(begun), "give up": given_up(begun)}[word]
    assert ask(circuit, now + PAUSE_SECONDS + later) is not None
