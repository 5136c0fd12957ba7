"""A network whose agent was killed while making it, or whose machine is gone, is found by its name and removed."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.vm_agent.sandbox import cgroups, namespaces
from services.vm_agent.sandbox.network.namespace import Networks, obstacle
from services.vm_agent.sandbox.sweep import sweep


def test_a_sweep_removes_networks_without_a_machine_and_leaves_those_of_living_ones(tmp_path: Path) -> None:
    if (why := obstacle()) is not None:
        pytest.skip(why)
    prefix = cgroups.prefix_of(str(tmp_path.resolve()))
    stray, living = f"{prefix}stray", f"{prefix}living"
    try:
        for name in (stray, living):
            Networks(()).make(name, "fork", None)
        swept = sweep(tmp_path, live=["living"])
        assert [(it.id, it.removed) for it in swept] == [("stray", True)]
        assert not namespaces.exists(stray)
        assert not Path("/sys/class/net", namespaces.link_of(stray)).exists()
        assert namespaces.exists(living)
    finally:
        for name in (stray, living):
            namespaces.remove(name)
