"""Which machine fits which job."""

from __future__ import annotations

from libs.contracts.size import Size
from libs.settings import PoolTarget
from services.vm_agent.capacity import Capacity
from services.vm_agent.pool.shapes import shape_of, shapes_wanted
from services.vm_agent.sandbox.protocol import SandboxId, SandboxSpec, Shape

CAPACITY = Capacity(usual=Size(1, 2048), largest=Size(4, 8192), memory_mib=10_240, disk_bytes=7)


def own(size: Size) -> Shape:
    return Shape(size, "own", network=True, disk_bytes=7)


def test_a_pools_machine_fits_the_job_that_asks_for_the_same() -> None:
    assert shape_of(own(Size(2, 4096)).spec(SandboxId("a"))) == own(Size(2, 4096))


def test_a_sandbox_without_a_size_is_of_no_shape() -> None:
    assert shape_of(SandboxSpec(SandboxId("a"))) is None
    assert shape_of(SandboxSpec(SandboxId("a"), memory_bytes=1, cpus=1)) is None


def test_targets_of_one_shape_add_up_and_the_first_named_is_filled_first() -> None:
    targets = [PoolTarget("own", None, 1), PoolTarget("fork", None, 2), PoolTarget("own", Size(1, 2048), 3)]
    assert list(shapes_wanted(targets, CAPACITY).values()) == [4, 2]


def test_none_and_what_the_host_cannot_have_are_left_out() -> None:
    assert shapes_wanted([PoolTarget("own", None, 0), PoolTarget("own", Size(8, 1024), 1)], CAPACITY) == {}
