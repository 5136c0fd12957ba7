"""Which sandboxes this agent has, told to those who must know when it cannot say it any more: journal and watchdog."""

from __future__ import annotations

from services.vm_agent.guard import Guard
from services.vm_agent.journal import Journal
from services.vm_agent.sandbox.protocol import Sandbox, SandboxId


class Custody:
    def __init__(self, journal: Journal, guard: Guard) -> None:
        self._journal, self._guard = journal, guard

    def took(self, sandbox: Sandbox, whose: str) -> None:
        """It stands from now on, for an attempt (its subject) or for the pool; said again when that changes."""
        self._journal.opened(sandbox.id, whose)
        self._guard.register(sandbox)

    def gave_up(self, sandbox_id: SandboxId) -> None:
        """It is gone."""
        self._guard.unregister(sandbox_id)
        self._journal.closed(sandbox_id)
