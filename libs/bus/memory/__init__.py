"""The bus in one process's memory: for `firebreak run` and for tests. Passes the contract suite of the real one."""

from libs.bus.memory.bus import MemoryBus

__all__ = ["MemoryBus"]
