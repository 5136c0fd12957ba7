"""Whatever happens to a pool, in whatever order: its promises hold, and it comes to what is wanted."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from libs.contracts.size import Size
from services.vm_agent.pool import core
from services.vm_agent.pool.core import claim, decide, evolve
from services.vm_agent.pool.events import (
    Action,
    Answered,
    Ask,
    Drained,
    JobsTake,
    PoolEvent,
    Prepare,
    Retire,
    Silent,
    Start,
    StartFailed,
    Stood,
    Targeted,
    TemplateFailed,
    TemplateThere,
)
from services.vm_agent.pool.state import pools_of
from services.vm_agent.sandbox.protocol import SandboxId, Shape

SHAPES = (
    Shape(Size(1, 1024), "own", network=True, disk_bytes=1),
    Shape(Size(1, 1024), "fork", network=True, disk_bytes=1),
    Shape(Size(4, 6144), "own", network=True, disk_bytes=1),
)
OTHERS = tuple(Shape(Size(1, 512 + number), "own", network=True, disk_bytes=1) for number in range(6))
MEMORY_MIB = 16 * 1024


class AnyHost(RuleBasedStateMachine):
    """A host that carries out each action well, badly or late, while jobs come and operators change their minds."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.pools = pools_of(dict.fromkeys(SHAPES, 2), MEMORY_MIB, "pool")
        self.under_way: list[Action] = []
        self.begun: set[SandboxId] = set()
        self.ended: set[SandboxId] = set()
        self.retargeted = False
        self.decide()

    def happens(self, *events: PoolEvent) -> None:
        for event in events:
            self.pools = evolve(self.pools, event, self.now)
        self.decide()

    def decide(self) -> None:
        self.pools, actions = decide(self.pools, self.now)
        for action in actions:
            match action:
                case Start(_, vm):
                    assert vm not in self.begun, "a name was given twice"
                    self.begun.add(vm)
                    self.under_way.append(action)
                case Retire(vm, _):
                    assert vm not in self.ended, "it was claimed, or retired before"
                    self.ended.add(vm)
                case Prepare() | Ask():
                    self.under_way.append(action)

    def answer(self, action: Action, well: bool) -> PoolEvent:
        match action:
            case Prepare(shape):
                return TemplateThere(shape, built=True) if well else TemplateFailed(shape, "broken")
            case Start(shape, vm):
                if not well:
                    self.ended.add(vm)
                return Stood(shape, vm) if well else StartFailed(shape, vm, "broken")
            case Ask(shape, vm):
                return Answered(shape, vm) if well else Silent(shape, vm, "broken")
            case Retire():
                raise AssertionError("nobody waits for that")

    @rule(seconds=st.sampled_from([0.5, 5.0, 30.0, 400.0, 2000.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.decide()

    @precondition(lambda self: self.under_way)
    @rule(which=st.integers(0, 20), well=st.booleans())
    def something_ends(self, which: int, well: bool) -> None:
        action = self.under_way.pop(which % len(self.under_way))
        self.happens(self.answer(action, well))

    @rule(shape=st.sampled_from((*SHAPES, *OTHERS)))
    def a_job_comes(self, shape: Shape) -> None:
        before = self.pools
        self.pools, taken = claim(self.pools, shape, self.now)
        if taken is not None:
            assert taken not in self.ended, "it was given away before"
            assert taken in {one.id for one in before.pools[shape].ready}
            self.ended.add(taken)
        self.decide()

    @rule(memory_mib=st.integers(0, MEMORY_MIB))
    def jobs_take(self, memory_mib: int) -> None:
        self.happens(JobsTake(memory_mib))

    @rule(draining=st.booleans())
    def an_operator_drains(self, draining: bool) -> None:
        self.happens(Drained(draining))

    @rule(shape=st.sampled_from(SHAPES), count=st.integers(0, 4))
    def another_target(self, shape: Shape, count: int) -> None:
        self.happens(Targeted(shape, count))
        self.retargeted = True

    @invariant()
    def never_over_the_target(self) -> None:
        for pool in self.pools.pools.values():
            assert len(pool.ready) <= pool.target
            assert pool.held <= pool.target or self.retargeted

    @invariant()
    def never_more_starts_than_the_host_bears(self) -> None:
        assert sum(len(pool.starting) for pool in self.pools.pools.values()) <= core.STARTS_AT_ONCE

    @invariant()
    def few_shapes_are_remembered(self) -> None:
        assert len(self.pools.pools) <= len(SHAPES) + core.SHAPES_REMEMBERED

    @invariant()
    def what_stands_leaves_jobs_their_memory(self) -> None:
        held = sum(len(pool.ready) * pool.size_mib for pool in self.pools.pools.values())
        assert held == 0 or held <= MEMORY_MIB - self.pools.jobs_mib

    @invariant()
    def every_machine_is_accounted_for(self) -> None:
        here = [vm for pool in self.pools.pools.values() for vm in (*pool.starting, *(one.id for one in pool.ready))]
        assert len(here) == len(set(here))
        assert set(here) | self.ended == self.begun | set(here)
        assert not set(here) & self.ended
        assert not self.pools.leaving

    @invariant()
    def deciding_twice_wants_nothing_new(self) -> None:
        assert decide(self.pools, self.now) == (self.pools, ())

    def teardown(self) -> None:
        """Where nothing fails any more, everything that is wanted stands at last."""
        self.happens(Drained(False), JobsTake(0))
        for _ in range(60):
            self.now += core.LONGEST_PAUSE_SECONDS / 4
            self.decide()
            while self.under_way:
                action = self.under_way.pop(0)
                self.happens(
                    TemplateThere(action.shape, built=False)
                    if isinstance(action, Prepare)
                    else self.answer(action, well=True)
                )
        room = MEMORY_MIB
        for pool in self.pools.pools.values():
            room -= len(pool.ready) * pool.size_mib
        for pool in self.pools.pools.values():
            assert len(pool.ready) == pool.target or room < pool.size_mib, pool


TestAnyHost = AnyHost.TestCase
TestAnyHost.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
