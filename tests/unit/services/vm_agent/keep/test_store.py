"""What is kept can be read until its end, and never after it, whatever a crash leaves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from libs.contracts.size import Size
from services.vm_agent.keep.store import Kept, KeptStore, Missing
from services.vm_agent.sandbox.machine.saving import SavedAs

NOW = datetime(2026, 11, 24, tzinfo=UTC)
SAVED = SavedAs("image", "fit", Size(1, 512), "own", True, 1024**3)
HOUR = timedelta(hours=1)


def keep(store: KeptStore, name: str, until: datetime = NOW + HOUR) -> Kept:
    store.begin(name)
    kept = Kept(name, f"attempt-{name}", until, "memory", 7, 1, SAVED)
    store.finish(kept)
    return kept


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_what_is_kept_is_found_with_its_key(tmp_path: Path) -> None:
    store = KeptStore(tmp_path)
    kept = keep(store, "a")
    assert store.find("attempt-a", NOW) == kept
    place, key = KeptStore(tmp_path).open(kept)
    assert (place, len(key)) == (tmp_path / "kept" / "a", 32)
    assert (tmp_path / "keys" / "a").stat().st_mode & 0o777 == 0o600


def test_what_is_over_is_not_found_and_goes_with_its_key(tmp_path: Path) -> None:
    store = KeptStore(tmp_path)
    over, stays = keep(store, "a", NOW), keep(store, "b")
    with pytest.raises(Missing):
        store.find("attempt-a", NOW)
    assert store.expire(NOW) == [over]
    assert names(tmp_path / "kept") == names(tmp_path / "keys") == {"b"}
    with pytest.raises(Missing, match="its time was over"):
        store.open(over)
    assert store.all() == [stays]


def test_a_key_is_overwritten_before_it_goes(tmp_path: Path) -> None:
    store = KeptStore(tmp_path)
    keep(store, "a")
    held = tmp_path / "held"
    held.hardlink_to(tmp_path / "keys" / "a")
    store.remove("a")
    assert held.read_bytes() == bytes(32)


def test_what_a_crash_left_goes_and_what_is_being_saved_stays(tmp_path: Path) -> None:
    store = KeptStore(tmp_path)
    store.begin("half")
    store.begin("busy")
    keep(store, "keyless")
    (tmp_path / "keys" / "keyless").unlink()
    (tmp_path / "keys" / "stray").write_bytes(b"x")
    assert [kept.name for kept in store.all()] == []
    assert store.expire(NOW, busy=frozenset({"busy"})) == []
    assert names(tmp_path / "kept") == names(tmp_path / "keys") == {"busy"}


def test_a_name_is_no_path(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no name"):
        KeptStore(tmp_path).begin("../a")


def test_the_facts_tell_no_key(tmp_path: Path) -> None:
    store = KeptStore(tmp_path)
    kept = keep(store, "a")
    _, key = store.open(kept)
    assert key not in msgspec.json.encode(kept)
    assert key not in (tmp_path / "kept" / "a" / "kept.json").read_bytes()
