"""The ghost twin: a driver whose guest paths exist nowhere on the host, not even under another name.

Whoever touches a job's files other than through the Sandbox protocol fails with it. The step runner's tests use it.
"""

from __future__ import annotations

from pathlib import Path

from services.vm_agent.sandbox.bubblewrap.driver import BubblewrapDriver


class GhostDriver(BubblewrapDriver):
    """Bubblewrap with every writable place in a file system in memory, which only the guest's processes can see."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, in_memory=True)
