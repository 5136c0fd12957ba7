"""Whatever a payload says, it means something or is refused in words: nothing of it escapes as an error of ours."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from libs.github.payload import BadPayload, is_ref, read_event
from libs.repositories import Resolved
from libs.workflow.events import activity_types
from services.cli.local.payloads import Here, payload_of
from services.parser.meaning import Dispatched, Gone, Irrelevant, Relevant, Unusable
from services.parser.relevance import meaning_of
from tests.unit.services.parser.world import REPOSITORY

HERE = Here(Resolved("c" * 40, "refs/heads/main"), "main", REPOSITORY)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
hostile = st.sampled_from(
    ["", "refs/heads/../x", "--upload-pack=x", "a b", "\x00", "0" * 40, "HEAD", "refs/tags/v1", "x" * 2000, "é" * 10]
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value."""
    if isinstance(value, dict):
        return [path, *(each for key, inner in value.items() for each in places(inner, (*path, key)))]
    if isinstance(value, list):
        return [path, *(each for key, inner in enumerate(value) for each in places(inner, (*path, key)))]
    return [path]


def put(value: Any, path: tuple[Any, ...], other: Any) -> Any:
    if not path:
        return other
    copy: Any = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = put(copy[path[0]], path[1:], other)
    return copy


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted({*activity_types, "repository", "ping", "star"})), st.data(), st.booleans())
def test_a_payload_with_anything_anywhere_means_something(name: str, data: st.DataObject, local: bool) -> None:
    payload: Any = payload_of(name, HERE) | {"repository": REPOSITORY, "sender": {"login": "ada", "id": 1}}
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.sampled_from(places(payload)))
        payload = put(payload, place, data.draw(json_values | hostile))
    try:
        event = read_event(name, json.dumps(payload).encode())
    except BadPayload:
        return
    meaning = meaning_of(event, local=local)
    match meaning:
        case Irrelevant(why) | Unusable(why) | Gone(why):
            assert why
        case Dispatched():
            assert meaning.workflow
        case Relevant():
            assert meaning.sha or meaning.at
            assert meaning.sha == "" or len(meaning.sha) in (40, 64)
            assert not meaning.ref or is_ref(meaning.ref), meaning.ref
            assert not meaning.at or is_ref(meaning.at) or is_ref(f"refs/heads/{meaning.at}"), meaning.at
            assert all(not hint or is_ref(hint) for hint in meaning.hints), meaning.hints
