"""Whatever JSON stands in a payload: an event or BadPayload, never another error."""

from __future__ import annotations

import contextlib
import json
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from libs.github.payload import BadPayload, read_event
from tests.unit.libs.github.test_payload import PULL, PUSH

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8)
)
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
)
names = st.sampled_from(["push", "pull_request", "workflow_dispatch", "create", "ping"])


def paths(value: object, before: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if not isinstance(value, dict):
        return [before]
    children = cast(dict[str, object], value)
    return [before, *(path for key, child in children.items() for path in paths(child, (*before, key)))]


def with_changed(value: object, path: tuple[str, ...], new: object) -> object:
    if not path or not isinstance(value, dict):
        return new
    children = cast(dict[str, object], value)
    return children | {path[0]: with_changed(children[path[0]], path[1:], new)}


@given(name=names, payload=st.dictionaries(st.text(max_size=10), anything, max_size=4))
def test_any_object(name: str, payload: object) -> None:
    with contextlib.suppress(BadPayload):
        read_event(name, json.dumps(payload).encode())


@given(
    case=st.sampled_from(
        [("push", PUSH, path) for path in paths(PUSH)] + [("pull_request", PULL, path) for path in paths(PULL)]
    ),
    new=anything,
)
def test_any_value_in_any_place(case: tuple[str, object, tuple[str, ...]], new: object) -> None:
    name, payload, path = case
    with contextlib.suppress(BadPayload):
        read_event(name, json.dumps(with_changed(payload, path, new)).encode())
