"""Which machine fits which job: a pool's shape from a job's sandbox, and the targets."""

from __future__ import annotations

from collections.abc import Iterable

from libs.contracts.size import MIB, Size
from libs.settings import PoolTarget
from services.vm_agent.capacity import Capacity
from services.vm_agent.sandbox.protocol import SandboxSpec, Shape


def shape_of(spec: SandboxSpec) -> Shape | None:
    """None where the spec leaves open what a machine needs."""
    if spec.memory_bytes is None or spec.cpus is None or spec.disk_bytes is None:
        return None
    return Shape(Size(spec.cpus, spec.memory_bytes // MIB), spec.trust, spec.network, spec.disk_bytes)


def shapes_wanted(targets: Iterable[PoolTarget], capacity: Capacity) -> dict[Shape, int]:
    """How many of each shape; two targets of one shape add up. A size that this host cannot have is left out."""
    wanted: dict[Shape, int] = {}
    for target in targets:
        size = target.size or capacity.usual
        if target.count and size.fits(capacity.largest):
            shape = Shape(size, target.trust, network=True, disk_bytes=capacity.disk_bytes)
            wanted[shape] = wanted.get(shape, 0) + target.count
    return wanted
