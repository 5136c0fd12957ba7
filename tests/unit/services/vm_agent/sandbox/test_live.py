"""What a sweep must leave alone is looked up when it is asked for."""

from __future__ import annotations

from pathlib import Path

from services.vm_agent.sandbox.live import Live
from services.vm_agent.sandbox.protocol import SandboxId
from services.vm_agent.sandbox.sweep import sweep


def test_what_begins_after_it_was_made_is_alive() -> None:
    jobs: list[SandboxId] = []
    live = Live(lambda: jobs, lambda: (SandboxId("pooled"),))
    assert SandboxId("job") not in live
    jobs.append(SandboxId("job"))
    assert SandboxId("job") in live
    assert (sorted(live), len(live)) == (["job", "pooled"], 2)


def test_a_sandbox_that_ends_while_it_is_looked_at_was_no_leftover(tmp_path: Path) -> None:
    (tmp_path / "ending").mkdir()

    def ends() -> list[SandboxId]:
        """At this very moment its own agent has removed it."""
        if (tmp_path / "ending").exists():
            (tmp_path / "ending").rmdir()
        return []

    assert sweep(tmp_path, Live(ends)) == []


def test_a_sandbox_that_begins_while_a_sweep_goes_on_stays(tmp_path: Path) -> None:
    (tmp_path / "a-leftover").mkdir()
    jobs: list[SandboxId] = []

    def begun() -> list[SandboxId]:
        if not jobs:
            jobs.append(SandboxId("b-begun"))
        return jobs

    (tmp_path / "b-begun").mkdir()
    assert [one.id for one in sweep(tmp_path, Live(begun))] == ["a-leftover"]
