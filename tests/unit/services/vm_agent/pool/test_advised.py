"""The learner's advice for a host becomes its pool's targets, within what the host can run at once."""

from __future__ import annotations

import pytest

from libs.contracts.advice import Advice, AdviceGiven, PoolAdvice
from libs.contracts.ids import HostId
from libs.contracts.plan import Trust
from libs.contracts.size import Size
from services.vm_agent.capacity import Capacity
from services.vm_agent.pool.advised import targets_of
from services.vm_agent.sandbox.protocol import Shape
from tests.unit.services.scheduler.advised import limit

USUAL, BIG = Size(2, 2048), Size(4, 8192)
CAPACITY = Capacity(USUAL, BIG, 16 * 1024, disk_bytes=14)
H1 = HostId("h1")


def shape(size: Size = USUAL, trust: Trust = "own") -> Shape:
    return Shape(size, trust, network=True, disk_bytes=14)


def pool(target: int, size: Size | None = None, *, trust: Trust = "own", host: str = "h1") -> PoolAdvice:
    return PoolAdvice(HostId(host), trust, size, target, 12.0, 4.0, 100)


DEFAULT = {shape(): 1}


@pytest.mark.parametrize(
    ("advice", "targets"),
    [
        ((), {shape(): 1}),
        ((limit("a", 1),), {shape(): 1}),
        ((pool(3),), {shape(): 3}),
        ((pool(0),), {shape(): 0}),
        ((pool(-1),), {shape(): 0}),
        ((pool(3, host="h2"),), {shape(): 1}),
        ((pool(3, Size(8, 1024)),), {shape(): 1}),
        ((pool(3, Size(0, 0)), pool(3, Size(1, -5))), {shape(): 1}),
        ((pool(1, BIG), pool(1, trust="fork")), {shape(): 1, shape(BIG): 1, shape(trust="fork"): 1}),
        ((pool(9),), {shape(): 4}),
        ((pool(3), pool(3, trust="fork")), {shape(): 3, shape(trust="fork"): 1}),
        ((pool(0), pool(3, BIG)), {shape(): 0, shape(BIG): 2}),
    ],
)
def test_targets(advice: tuple[Advice, ...], targets: dict[Shape, int]) -> None:
    assert targets_of(AdviceGiven(1, advice), H1, 4, CAPACITY, DEFAULT) == targets


def test_a_pool_without_default_has_only_what_is_advised() -> None:
    assert targets_of(AdviceGiven(1, (pool(2, trust="fork"),)), H1, 4, CAPACITY, {}) == {shape(trust="fork"): 2}
