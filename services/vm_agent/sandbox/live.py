"""The sandboxes that a sweep must leave alone, as they are at the moment of each look, not when the sweep began."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from services.vm_agent.sandbox.protocol import SandboxId


class Live(Collection[SandboxId]):
    """What its sources hold now. A sweep runs in a thread while jobs begin: a copy would be out of date, and a job's
    sandbox removed for it. So the sources must answer in any thread."""

    def __init__(self, *sources: Callable[[], Collection[SandboxId]]) -> None:
        self._sources = sources

    def __contains__(self, name: object) -> bool:
        return any(name in source() for source in self._sources)

    def __iter__(self) -> Iterator[SandboxId]:
        return iter([name for source in self._sources for name in source()])

    def __len__(self) -> int:
        return sum(len(source()) for source in self._sources)
