"""The rules of warm pools, each alone."""

from __future__ import annotations

from msgspec.structs import replace

from libs.contracts.plan import Trust
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
from services.vm_agent.pool.state import Pools, pools_of
from services.vm_agent.sandbox.protocol import SandboxId, Shape

GIB = 1024


def shape(memory_mib: int = GIB, trust: Trust = "own") -> Shape:
    return Shape(Size(1, memory_mib), trust, network=True, disk_bytes=1)


OWN, FORK = shape(), shape(trust="fork")


class Story:
    """Given what happened, what is done? Each action is remembered; `now` moves by hand."""

    def __init__(self, memory_mib: int = 64 * GIB, **targets: int) -> None:
        shapes = {"own": OWN, "fork": FORK, "large": shape(8 * GIB)}
        wanted = {shapes[name]: target for name, target in targets.items()} or {OWN: 2}
        self.pools: Pools = pools_of(wanted, memory_mib, "pool")
        self.now = 100.0

    def when(self, *events: PoolEvent) -> tuple[Action, ...]:
        for event in events:
            self.pools = evolve(self.pools, event, self.now)
        self.pools, actions = decide(self.pools, self.now)
        again, nothing = decide(self.pools, self.now)
        assert (again, nothing) == (self.pools, ()), "deciding twice wants something new"
        return actions

    def later(self, seconds: float) -> tuple[Action, ...]:
        self.now += seconds
        return self.when()

    def filled(self) -> Story:
        """Every action has come to a good end."""
        actions = self.when()
        while actions:
            events: list[PoolEvent] = []
            for action in actions:
                match action:
                    case Prepare(one):
                        events.append(TemplateThere(one, built=self.pools.pools[one].generation == 0))
                    case Start(one, vm):
                        events.append(Stood(one, vm))
                    case Ask(one, vm):
                        events.append(Answered(one, vm))
                    case Retire():
                        pass
            actions = self.when(*events)
        return self

    def ready(self, one: Shape = OWN) -> list[str]:
        return [machine.id for machine in self.pools.pools[one].ready]


def vm(number: int) -> SandboxId:
    return SandboxId(f"pool-{number}")


def test_first_the_template_then_the_machines() -> None:
    story = Story()
    assert story.when() == (Prepare(OWN),)
    assert story.when(TemplateThere(OWN, built=True)) == (Start(OWN, vm(1)), Start(OWN, vm(2)))
    assert story.when(Stood(OWN, vm(1)), Stood(OWN, vm(2))) == ()
    assert story.ready() == ["pool-1", "pool-2"]


def test_no_more_are_started_at_once_than_the_host_can_bear() -> None:
    story = Story(own=5)
    assert len(story.when(TemplateThere(OWN, built=True))) == core.STARTS_AT_ONCE
    assert story.when(Stood(OWN, vm(1))) == (Start(OWN, vm(3)),)


def test_one_template_is_made_at_a_time() -> None:
    story = Story(own=1, fork=1)
    assert story.when() == (Prepare(OWN),)
    assert Prepare(FORK) in story.when(TemplateThere(OWN, built=True))


def test_who_has_stood_longest_is_taken_and_replaced() -> None:
    story = Story().filled()
    story.pools, taken = claim(story.pools, OWN, story.now)
    assert taken == vm(1)
    assert story.when() == (Start(OWN, vm(3)),)
    assert (story.pools.pools[OWN].hits, story.pools.pools[OWN].misses) == (1, 0)


def test_an_empty_pool_is_a_miss() -> None:
    story = Story()
    story.pools, taken = claim(story.pools, OWN, story.now)
    assert taken is None
    assert story.pools.pools[OWN].misses == 1


def test_a_shape_without_a_pool_gets_a_template_for_the_next_job() -> None:
    story = Story(own=1).filled()
    large = shape(4 * GIB)
    story.pools, taken = claim(story.pools, large, story.now)
    assert taken is None
    assert story.when() == ()
    assert Prepare(large) in story.later(core.FIRST_JOB_SECONDS)
    assert story.when(TemplateThere(large, built=True)) == ()
    assert claim(story.pools, large, story.now)[1] is None
    assert story.pools.pools[large].misses == 0


def test_a_template_that_no_job_asked_for_in_a_day_is_not_looked_after() -> None:
    story = Story(own=0)
    story.pools, _ = claim(story.pools, OWN, story.now)
    assert story.later(core.FIRST_JOB_SECONDS) == (Prepare(OWN),)
    story.when(TemplateThere(OWN, built=True))
    assert story.later(core.CHECK_SECONDS) == (Prepare(OWN),)
    story.when(TemplateThere(OWN, built=False))
    assert story.later(core.REMEMBERED_SECONDS) == ()


def test_strangers_choose_no_sizes_for_templates() -> None:
    story = Story(own=1).filled()
    story.pools = replace(story.pools, usual=FORK.size)
    story.pools, _ = claim(story.pools, shape(3 * GIB, "fork"), story.now)
    story.pools, _ = claim(story.pools, FORK, story.now)
    assert set(story.pools.pools) == {OWN, FORK}


def test_only_so_many_shapes_are_remembered() -> None:
    story = Story(own=1).filled()
    for number in range(1, core.SHAPES_REMEMBERED + 3):
        story.now += 1
        story.pools, _ = claim(story.pools, shape(GIB + number), story.now)
    sizes = [one.size.memory_mib - GIB for one in story.pools.pools if one != OWN]
    assert sizes == [3, 4, 5, 6]
    assert OWN in story.pools.pools


def test_a_trust_class_never_takes_from_another() -> None:
    story = Story(own=2, fork=0).filled()
    assert claim(story.pools, FORK, story.now)[1] is None


def test_while_one_is_asked_it_is_not_given_away() -> None:
    story = Story(own=1).filled()
    assert story.later(core.ASK_SECONDS) == (Ask(OWN, vm(1)),)
    assert claim(story.pools, OWN, story.now)[1] is None
    story.when(Answered(OWN, vm(1)))
    assert claim(story.pools, OWN, story.now)[1] == vm(1)


def test_what_does_not_answer_is_destroyed_and_replaced() -> None:
    story = Story(own=1).filled()
    story.later(core.ASK_SECONDS)
    assert story.when(Silent(OWN, vm(1), "its VMM ended")) == (Retire(vm(1), "its VMM ended"), Start(OWN, vm(2)))


def test_a_failure_is_tried_again_ever_later_and_its_reason_kept() -> None:
    story = Story(own=1)
    story.when(TemplateThere(OWN, built=True))
    pauses: list[float] = []
    for number in range(1, 12):
        assert story.when(StartFailed(OWN, vm(number), "no disk")) == ()
        pauses.append(story.pools.pools[OWN].retry_at - story.now)
        assert story.pools.pools[OWN].trouble == "no disk"
        assert Start(OWN, vm(number + 1)) in story.later(pauses[-1])
    assert pauses[:4] == [1, 2, 4, 8]
    assert pauses[-1] == core.LONGEST_PAUSE_SECONDS
    story.when(Stood(OWN, vm(12)))
    assert (story.pools.pools[OWN].trouble, story.pools.pools[OWN].failures) == ("", 0)


def test_a_template_that_cannot_be_made_starts_nothing() -> None:
    story = Story()
    story.when()
    assert story.when(TemplateFailed(OWN, "image gone")) == ()
    assert story.pools.pools[OWN].trouble == "no template: image gone"
    assert story.later(1) == (Prepare(OWN),)


def test_a_template_that_holds_does_not_hide_that_starts_fail() -> None:
    story = Story(own=1)
    story.when(TemplateThere(OWN, built=True))
    story.when(StartFailed(OWN, vm(1), "no disk"))
    story.when(TemplateThere(OWN, built=False))
    assert story.pools.pools[OWN].trouble == "no disk"


def test_whether_the_template_holds_is_seen_each_minute_and_its_machines_wait_for_no_answer() -> None:
    story = Story(own=1).filled()
    actions = story.later(core.CHECK_SECONDS)
    assert Prepare(OWN) in actions
    story.when(Answered(OWN, vm(1)))
    story.pools, taken = claim(story.pools, OWN, story.now)
    assert taken == vm(1)
    assert story.when() == (Start(OWN, vm(2)),)


def test_machines_of_an_older_template_are_let_go_even_those_that_come_late() -> None:
    story = Story(own=2)
    story.when(TemplateThere(OWN, built=True))
    story.when(Stood(OWN, vm(1)))
    actions = story.when(TemplateThere(OWN, built=True))
    assert actions == (Retire(vm(1), core.OUTDATED), Start(OWN, vm(3)))
    assert story.when(Stood(OWN, vm(2))) == (Retire(vm(2), core.OUTDATED), Start(OWN, vm(4)))


def test_what_stood_too_long_is_replaced() -> None:
    story = Story(own=1).filled()
    story.now += core.AGE_SECONDS
    assert Retire(vm(1), core.AGED) in story.when()


def test_a_draining_host_empties_its_pools_and_fills_them_again_afterwards() -> None:
    story = Story().filled()
    assert set(story.when(Drained(True))) == {Retire(vm(1), core.DRAINED), Retire(vm(2), core.DRAINED)}
    assert claim(story.pools, OWN, story.now)[1] is None
    assert len(story.when(Drained(False))) == 2


def test_jobs_go_before_pools() -> None:
    story = Story(memory_mib=4 * GIB, own=2, fork=2).filled()
    assert len(story.ready(OWN)) == len(story.ready(FORK)) == 2
    actions = story.when(JobsTake(3 * GIB))
    assert [action.why for action in actions if isinstance(action, Retire)] == [core.CROWDED] * 3
    assert (len(story.ready(OWN)), len(story.ready(FORK))) == (1, 0)
    assert len(story.when(JobsTake(0))) == core.STARTS_AT_ONCE


def test_a_pool_takes_no_more_than_the_host_has() -> None:
    story = Story(memory_mib=20 * GIB, large=5).filled()
    assert len(story.ready(shape(8 * GIB))) == 2


def test_another_target_is_another_number_of_machines() -> None:
    story = Story(own=1).filled()
    assert story.when(Targeted(OWN, 2)) == (Start(OWN, vm(2)),)
    story.when(Stood(OWN, vm(2)))
    assert story.when(Targeted(OWN, 0)) == (Retire(vm(1), core.UNWANTED), Retire(vm(2), core.UNWANTED))
    assert story.when(Targeted(FORK, 1)) == (Prepare(FORK),)


def test_one_that_stands_after_nobody_waits_for_it_is_destroyed() -> None:
    story = Story(own=1).filled()
    assert story.when(Stood(OWN, vm(9))) == (Retire(vm(9), core.UNWANTED),)
