"""Which machine fits which job: a pool's shape from a job's sandbox, a sandbox from a pool's shape, and the targets."""

from __future__ import annotations

from collections.abc import Iterable

from libs.contracts.size import Size
from libs.settings import PoolTarget
from services.vm_agent.capacity import Capacity
from services.vm_agent.sandbox.protocol import SandboxId, SandboxSpec, Shape

MIB = 1024**2


def shape_of(spec: SandboxSpec) -> Shape | None:
    """None where the spec leaves open what a machine needs."""
    if spec.memory_bytes is None or spec.cpus is None or spec.disk_bytes is None:
        return None
    return Shape(Size(spec.cpus, spec.memory_bytes // MIB), spec.trust, spec.network, spec.disk_bytes)


def spec_of(shape: Shape, name: SandboxId) -> SandboxSpec:
    return SandboxSpec(
        name,
        network=shape.network,
        memory_bytes=shape.size.memory_mib * MIB,
        cpus=shape.size.cpus,
        disk_bytes=shape.disk_bytes,
        trust=shape.trust,
    )


def shapes_wanted(targets: Iterable[PoolTarget], capacity: Capacity) -> dict[Shape, int]:
    """How many of each shape; two targets of one shape add up. A size that this host cannot have is left out."""
    wanted: dict[Shape, int] = {}
    for target in targets:
        size = target.size or capacity.usual
        if target.count and size.fits(capacity.largest):
            shape = Shape(size, target.trust, network=True, disk_bytes=capacity.disk_bytes)
            wanted[shape] = wanted.get(shape, 0) + target.count
    return wanted
