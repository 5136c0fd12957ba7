"""The pools of one host as values. A machine is in exactly one place: starting, ready, leaving, or no longer here."""

from __future__ import annotations

import msgspec

from libs.contracts.size import Size
from services.vm_agent.sandbox.protocol import SandboxId, Shape

NEVER = float("-inf")


class Machine(msgspec.Struct, frozen=True):
    """One that stands ready. Times are monotonic seconds. `generation` is the template that it came from."""

    id: SandboxId
    since: float
    heard: float
    generation: int
    asked: bool = False
    """Just now it is asked whether it answers: nobody else may talk to it."""


class Pool(msgspec.Struct, frozen=True):
    """Machines of one shape. `failures` in a row put off the next try to `retry_at`; `trouble` is the last one's.

    A target of 0 is a shape that jobs ask for and nobody keeps ready: it has a template, so that they need not boot.
    """

    shape: Shape
    target: int
    templated: bool = False
    """Its template is there, or it needs none."""
    preparing: bool = False
    key: str = ""
    image: str = ""
    generation: int = 0
    """Grows when the template is another: machines of an older one are let go."""
    checked: float = 0.0
    starting: dict[SandboxId, int] = {}
    """Each with the generation that it was started from."""
    ready: tuple[Machine, ...] = ()
    hits: int = 0
    misses: int = 0
    failures: int = 0
    retry_at: float = 0.0
    claimed_at: float = NEVER
    """When a job last asked for one."""
    trouble: str = ""

    @property
    def size_mib(self) -> int:
        return self.shape.size.memory_mib

    @property
    def held(self) -> int:
        """How many machines it has, or is about to have."""
        return len(self.starting) + len(self.ready)


class Pools(msgspec.Struct, frozen=True):
    """`memory_mib` is what the host has for all machines, `jobs_mib` what those of its jobs take of it."""

    pools: dict[Shape, Pool]
    memory_mib: int
    name: str
    """What every machine's name begins with; it is of this boot alone."""
    jobs_mib: int = 0
    made: int = 0
    draining: bool = False
    usual: Size | None = None
    """Of a job that asks for no size."""
    leaving: dict[SandboxId, str] = {}
    """Taken out already, and why; the next decision says that they are to be destroyed."""


def pools_of(targets: dict[Shape, int], memory_mib: int, name: str, usual: Size | None = None) -> Pools:
    pools = {shape: Pool(shape, target) for shape, target in targets.items()}
    return Pools(pools, memory_mib, name, usual=usual)
