"""How many machines of each shape shall stand ready, by the learner's advice for this host. Pure.

Advice is bounded by what the host can run at once: more machines than slots would only wait. What is not advised stays
as it is without advice.
"""

from __future__ import annotations

from collections.abc import Mapping

from libs.contracts.advice import AdviceGiven, PoolAdvice
from libs.contracts.ids import HostId
from services.vm_agent.capacity import Capacity
from services.vm_agent.sandbox.protocol import Shape


def targets_of(
    given: AdviceGiven, host: HostId, slots: int, capacity: Capacity, usual: Mapping[Shape, int]
) -> dict[Shape, int]:
    """All targets from now on; `usual` are those without advice. Own repositories' machines have the slots and the
    memory first.
    """
    wanted = dict(usual)
    for advice in given.advice:
        if isinstance(advice, PoolAdvice) and advice.host == host:
            size = advice.size or capacity.usual
            if size.fits(capacity.largest) and size.memory_mib > 0 and size.cpus > 0:
                shape = Shape(size, advice.trust, network=True, disk_bytes=capacity.disk_bytes)
                wanted[shape] = max(0, advice.target)
    return _bounded(wanted, slots, capacity.memory_mib)


def _bounded(wanted: Mapping[Shape, int], slots: int, memory_mib: int) -> dict[Shape, int]:
    bounded: dict[Shape, int] = {}
    for shape in sorted(wanted, key=lambda shape: (shape.trust != "own", shape.size)):
        count = min(wanted[shape], slots, memory_mib // shape.size.memory_mib)
        bounded[shape] = count
        slots -= count
        memory_mib -= count * shape.size.memory_mib
    return bounded
