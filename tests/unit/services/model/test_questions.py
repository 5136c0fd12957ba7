"""What is asked, and how an answer is read: the schema and the struct are one, and every list and text has a bound."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.host import HostJoined
from libs.contracts.ids import BootId, HostId, JobKey
from libs.contracts.model import ProposalPlace
from services.model.answers import PROPOSAL_TOKENS, TRIAGE_TOKENS, LabelAnswer, ProposalAnswer, TriageAnswer
from services.model.needs import Need
from services.model.prompts import proposal_question, triage_question
from services.model.proposing import at_another_place, proposal_id, proposal_of
from services.model.question import Malformed, Question, read_answer, schema_of
from services.model.triage import FailedStep, question_about, triage_of

NEED = Need("uses", "a/b@v1", "it cannot be had", ProposalPlace("ci.yml", "s", "build", 1), "piece", "original", "own")
LABEL = Need("runs-on", "mac", "nobody", ProposalPlace("ci.yml", "s", "build"), "p", "o", "own", ("linux", "x64"))
STEP = FailedStep(1, JobKey("test"), 1, 0, "Run make", 2, "", "own", 10)
QUESTIONS = [proposal_question(NEED), proposal_question(LABEL), triage_question("Run", 1, ["error: a", "b"])]


def bounded(schema: Any) -> bool:
    match schema.get("type"):
        case "object":
            closed = schema.get("additionalProperties") is False
            all_required = set(schema["required"]) == set(schema["properties"])
            return closed and all_required and all(bounded(each) for each in schema["properties"].values())
        case "array":
            return "maxItems" in schema and bounded(schema["items"])
        case "string":
            return "maxLength" in schema or "enum" in schema
        case "integer":
            return "maximum" in schema
        case _:
            return "enum" in schema


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_part_of_a_schema_has_a_bound_and_no_reference(question: Question) -> None:
    assert bounded(question.schema)
    assert "$ref" not in json.dumps(question.schema)
    jsonschema.Draft202012Validator.check_schema(question.schema)


def test_tokens_hold_the_largest_answer_at_two_characters_each() -> None:
    step = {"name": "n" * 60, "run": "r" * 500}
    proposal = json.dumps({"steps": [step] * 5, "gaps": ["g" * 120] * 4})
    read_answer(ProposalAnswer, proposal)
    assert len(proposal) / 2 < PROPOSAL_TOKENS
    triage = json.dumps({"category": "configuration", "lines": [12] * 4, "summary": "s" * 240})
    read_answer(TriageAnswer, triage)
    assert len(triage) / 2 < TRIAGE_TOKENS


def test_a_prompt_holds_nothing_that_could_be_given_back_as_an_answer() -> None:
    for question in QUESTIONS:
        assert "{" not in question.system
        assert "`run`" not in question.system
        with pytest.raises(Malformed):
            read_answer(ProposalAnswer, question.system)


def test_the_frame_is_the_same_whatever_is_asked_about() -> None:
    """No text from outside is in the system's part."""
    import msgspec

    other = msgspec.structs.replace(NEED, subject="x", why="y", asked="z", original="w")
    assert proposal_question(NEED).system == proposal_question(other).system
    assert triage_question("a", 1, ["b"]).system == triage_question("c", None, ["d", "e"]).system


def test_the_label_is_one_of_those_on_offer() -> None:
    assert proposal_question(LABEL).schema["properties"]["runs_on"]["enum"] == ["linux", "x64"]  # type: ignore[index]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=7) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
STEPS = st.fixed_dictionaries({"name": st.text(max_size=70), "run": st.text(max_size=20)})
PROPOSALS = st.fixed_dictionaries(
    {
        "steps": st.lists(
            st.fixed_dictionaries({"name": st.text(max_size=70), "run": st.text(max_size=20)}), max_size=7
        ),
        "gaps": st.lists(st.text(max_size=10), max_size=5),
    }
)


@given(JSON | PROPOSALS)
def test_what_is_read_is_what_the_schema_allows(value: object) -> None:
    schema = schema_of(ProposalAnswer)
    try:
        read_answer(ProposalAnswer, json.dumps(value))
        read = True
    except Malformed:
        read = False
    assert read == jsonschema.Draft202012Validator(schema).is_valid(value)


@given(st.text() | JSON.map(json.dumps))
def test_any_answer_is_read_or_refused(text: str) -> None:
    for kind in (ProposalAnswer, LabelAnswer, TriageAnswer):
        with contextlib.suppress(Malformed):
            assert isinstance(read_answer(kind, text), kind)


def test_the_same_content_has_the_same_id_wherever_it_stands() -> None:
    import msgspec

    elsewhere = msgspec.structs.replace(NEED, place=ProposalPlace("ci.yml", "other", "build", 3, 9))
    assert proposal_id(NEED, "m") == proposal_id(elsewhere, "m")
    assert proposal_id(NEED, "m") != proposal_id(NEED, "n")
    assert proposal_id(NEED, "m") != proposal_id(msgspec.structs.replace(NEED, asked="other"), "m")
    knows_more = msgspec.structs.replace(NEED, original="https://a.example.org")
    assert proposal_id(NEED, "m") != proposal_id(knows_more, "m"), "it may name more"


async def test_a_proposal_is_told_of_at_a_bounded_number_of_places_once_each() -> None:
    async def fine(script: str) -> str:
        return ""

    answer = '{"steps": [{"name": "a", "run": "make"}], "gaps": []}'
    made = await proposal_of(NEED, "m", "octo/hello", answer, fine)
    for index in range(100):
        more = at_another_place(made, ProposalPlace("ci.yml", f"s{index}", "build", index % 50))  # type: ignore[arg-type]
        made = more or made
    assert len(made.places) == 20  # type: ignore[union-attr]


def test_candidates_are_fewer_where_fewer_tokens_are_left() -> None:
    lines = [f"error: {number} " + "x" * 250 for number in range(30)]
    whole, all_of_them = question_about(STEP, lines, 100_000)
    cut, fewer = question_about(STEP, lines, 600)
    assert 0 < len(fewer) < len(all_of_them)
    assert cut.tokens <= 600 < whole.tokens


@given(st.text(), st.lists(st.text(max_size=40), min_size=1, max_size=8))
def test_whatever_is_answered_a_triage_is_plain_and_cites_what_was_shown(answer: str, lines: list[str]) -> None:
    _, among = question_about(STEP, lines, 2048)
    for text in (answer, json.dumps({"category": "unknown", "lines": [1], "summary": answer})):
        told = triage_of(STEP, among, text, "m")
        if hasattr(told, "summary"):
            assert told.summary.isprintable()  # type: ignore[union-attr]
            assert set(told.lines) <= {STEP.first + each.line for each in among}  # type: ignore[union-attr]


def test_a_host_offers_labels_that_a_workflow_can_write() -> None:
    from services.model.needs import labels_of

    host = HostJoined(HostId("h"), BootId("b"), ("self-hosted", "Linux", "ubuntu-*"), 1, "host", b"")
    assert labels_of([host]) == ("linux", "self-hosted", "ubuntu-latest")
