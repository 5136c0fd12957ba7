"""The watchdog's rules on a clock of our own."""

from __future__ import annotations

import json

import pytest

from services.vm_agent.sandbox.footprint import Footprint
from services.vm_agent.sandbox.watchdog.guard import RETRY_SECONDS, Guard

BEAT = b'{"beat": true}'


def register(name: str) -> bytes:
    return json.dumps({"register": Footprint(id=name, folder=f"/s/{name}", cgroups=("/c",))._asdict()}).encode()


def guard_of(*names: str) -> Guard:
    guard = Guard(15, now=100)
    for name in names:
        guard.take(register(name), 100)
    return guard


def due(guard: Guard, now: float) -> list[str]:
    return [footprint.id for footprint in guard.due(now)]


def test_nothing_is_due_while_the_agent_beats() -> None:
    guard = guard_of("a")
    for second in range(101, 200):
        guard.take(BEAT, second)
        assert due(guard, second + 0.9) == []


def test_silence_pauses_all() -> None:
    guard = guard_of("a", "b")
    assert due(guard, 114.9) == []
    assert guard.patience(114) == 1
    assert due(guard, 115) == ["a", "b"]


def test_what_was_paused_is_not_paused_again() -> None:
    guard = guard_of("a", "b")
    assert due(guard, 115) == ["a", "b"]
    guard.paused({"a", "b"}, 115)
    assert due(guard, 300) == []
    assert guard.patience(300) is None


def test_what_would_not_stop_is_tried_again() -> None:
    guard = guard_of("a", "b")
    assert due(guard, 115) == ["a", "b"]
    guard.paused({"a"}, 115)
    assert due(guard, 115 + RETRY_SECONDS / 2) == []
    assert due(guard, 115 + RETRY_SECONDS) == ["b"]


def test_a_second_silence_pauses_again() -> None:
    guard = guard_of("a")
    due(guard, 115)
    guard.paused({"a"}, 115)
    guard.take(BEAT, 120)
    assert due(guard, 134) == []
    assert due(guard, 135) == ["a"]


def test_what_was_unregistered_is_left_alone() -> None:
    guard = guard_of("a", "b")
    guard.take(b'{"unregister": "a"}', 101)
    guard.take(b'{"unregister": "unknown"}', 101)
    assert due(guard, 120) == ["b"]


def test_an_orderly_farewell_is_no_death() -> None:
    guard = guard_of("a")
    assert not guard.closed
    guard.take(b'{"close": true}', 101)
    assert guard.closed


def test_a_footprint_keeps_all_its_fields_on_the_way() -> None:
    guard = guard_of()
    sent = Footprint(id="a", folder="/f", cgroups=("/1", "/2"), init=7, init_started=8, owner=9, owner_started=10)
    guard.take(json.dumps({"register": sent._asdict()}).encode(), 100)
    assert guard.sandboxes == {"a": sent}


@pytest.mark.parametrize("line", [b"", b"garbage", b'{"register": 5}', b'{"register": {"unknown": 1}}'])
def test_a_line_without_sense_is_an_error(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        guard_of().take(line, 101)
