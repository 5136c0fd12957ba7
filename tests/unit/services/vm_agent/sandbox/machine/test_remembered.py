"""A probe is remembered for one life of the host, one VMM and one image."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.vm_agent.sandbox.machine.remembered import BOOT_ID, recall, remember
from services.vm_agent.sandbox.protocol import Probe

FIT = ("1.12.1", "image")


@pytest.mark.parametrize("works", [True, False])
def test_what_was_found_is_found_again(tmp_path: Path, works: bool) -> None:
    found = Probe(works=works, why="seen")
    remember(tmp_path / "agent" / "probe.json", FIT, found)
    assert recall(tmp_path / "agent" / "probe.json", FIT) == found


def test_another_vmm_or_image_is_tried_anew(tmp_path: Path) -> None:
    remember(tmp_path / "probe.json", FIT, Probe(works=True, why="seen"))
    assert recall(tmp_path / "probe.json", ("1.16.0", "image")) is None


def test_a_restarted_host_is_tried_anew(tmp_path: Path) -> None:
    path = tmp_path / "probe.json"
    remember(path, FIT, Probe(works=True, why="seen"))
    boot_id = BOOT_ID.read_text().strip()
    path.write_text(path.read_text().replace(boot_id, boot_id[::-1]))
    assert recall(path, FIT) is None


@pytest.mark.parametrize("content", [None, "", "{", "[]", '{"boot_id": 1}'])
def test_what_cannot_be_read_is_nothing(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "probe.json").write_text(content)
    assert recall(tmp_path / "probe.json", FIT) is None
