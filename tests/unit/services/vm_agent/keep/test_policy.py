"""What is kept of a failed job: never more than somebody allowed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from services.vm_agent.keep.policy import FREE_BYTES, SAVE_BYTES, Failed, Keep, Not, Room, Rules, decide

NOW = datetime(2026, 11, 24, tzinfo=UTC)
RULES = Rules(count=2, seconds=3600, forks=False, secrets=False)
MUCH = 100 * 1024**3
ROOM = Room((), MUCH)

rules = st.builds(Rules, count=st.integers(1, 5), seconds=st.just(60), forks=st.booleans(), secrets=st.booleans())
trusts: st.SearchStrategy[Literal["own", "fork"]] = st.sampled_from(["own", "fork"])
failures = st.builds(
    Failed, trust=trusts, had_secret=st.booleans(), repository_consents=st.booleans(), savable=st.booleans()
)
kept = st.lists(st.tuples(st.text("abc", min_size=1), st.integers(0, 99)), unique_by=lambda one: one[0], max_size=8)


def room(kept: list[tuple[str, int]], free_bytes: int) -> Room:
    """`kept` are names and the hours that they are kept for."""
    return Room([(name, NOW + timedelta(hours=hours)) for name, hours in kept], free_bytes)


rooms = st.builds(room, kept, st.integers(0, 20 * 1024**3))


@given(failures, rules, rooms)
def test_a_forks_machine_is_kept_only_where_the_operator_says_so(failed: Failed, rules: Rules, room: Room) -> None:
    if failed.trust == "fork" and isinstance(decide(failed, rules, room), Keep):
        assert rules.forks


@given(failures, rules, rooms)
def test_memory_with_a_secret_is_kept_only_with_both_consents(failed: Failed, rules: Rules, room: Room) -> None:
    decision = decide(failed, rules, room)
    if failed.had_secret and isinstance(decision, Keep) and decision.memory:
        assert rules.secrets
        assert failed.repository_consents


@given(failures, rules, rooms)
def test_number_size_and_free_room_are_bounded(failed: Failed, rules: Rules, room: Room) -> None:
    decision = decide(failed, rules, room)
    if isinstance(decision, Keep):
        assert len(room.kept) - len(decision.evict) + 1 <= rules.count
        assert decision.limit_bytes <= SAVE_BYTES
        assert room.free_bytes - decision.limit_bytes >= FREE_BYTES


def test_the_oldest_goes_first_and_no_more_than_needed() -> None:
    room = Room([("new", NOW + timedelta(hours=2)), ("old", NOW)], MUCH)
    assert decide(Failed("own", had_secret=False), RULES, room) == Keep(True, SAVE_BYTES, ("old",))


def test_a_job_with_a_secret_leaves_its_disk() -> None:
    assert decide(Failed("own", had_secret=True), RULES, ROOM) == Keep(False, SAVE_BYTES)


def test_every_refusal_says_why() -> None:
    fork, full = decide(Failed("fork", False), RULES, ROOM), decide(Failed("own", False), RULES, Room((), FREE_BYTES))
    other = decide(Failed("own", had_secret=False, savable=False), RULES, ROOM)
    assert isinstance(fork, Not)
    assert "FIREBREAK_KEEP_FORKS" in fork.why
    assert isinstance(full, Not)
    assert "MiB free" in full.why
    assert isinstance(other, Not)
    assert "qemu" in other.why
