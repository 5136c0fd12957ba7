"""What is removed from a folder of mirrors, and what stays."""

from __future__ import annotations

import os
from pathlib import Path

from libs.github.eviction import evict, touch

KIB = 1024


def _mirror(folder: Path, name: str, size: int, used: float) -> Path:
    path = folder / f"{name}.git"
    (path / "objects" / "pack").mkdir(parents=True)
    (path / "objects" / "pack" / "a").write_bytes(b"x" * size)
    os.utime(path, (used, used))
    return path


def test_those_that_were_not_used_for_longest_go_until_the_rest_fits(tmp_path: Path) -> None:
    for place, name in enumerate(("old", "older", "new", "busy")):
        _mirror(tmp_path, name, 64 * KIB, {"old": 200, "older": 100, "new": 900, "busy": 1000}[name] + place)
    (tmp_path / "other").mkdir()
    assert evict(tmp_path, 1000, limit_bytes=200 * KIB, idle_seconds=50) == ["older.git"]
    assert evict(tmp_path, 1000, limit_bytes=200 * KIB, idle_seconds=50) == []
    assert evict(tmp_path, 1000, limit_bytes=0, idle_seconds=50) == ["old.git", "new.git"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["busy.git", "other"]


def test_what_was_used_just_now_stays_whatever_its_size(tmp_path: Path) -> None:
    path = _mirror(tmp_path, "large", 64 * KIB, 0)
    touch(path)
    assert evict(tmp_path, path.stat().st_mtime + 10, limit_bytes=0, idle_seconds=50) == []
    assert evict(tmp_path, path.stat().st_mtime + 60, limit_bytes=0, idle_seconds=50) == ["large.git"]
    assert evict(tmp_path / "nowhere", 0, limit_bytes=0) == []
