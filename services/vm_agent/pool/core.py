"""The rules of warm pools: state and events in, actions out. No clock, no machine, no task.

A machine serves one job: `claim` takes it out for good, and nothing here ever puts one back. Jobs go before pools: what
a job needs of the host's memory, pools give up.
"""

from __future__ import annotations

from msgspec.structs import replace

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
from services.vm_agent.pool.state import Machine, Pool, Pools
from services.vm_agent.sandbox.protocol import SandboxId, Shape

STARTS_AT_ONCE = 2
"""A restore takes a tenth of a second of one processor, a boot some four: jobs want the processors more."""
AGE_SECONDS = 1800.0
"""A guest that idles for half an hour has timers, logs and leases that a fresh one has not."""
ASK_SECONDS = 20.0
"""A machine that died is noticed, and another one stands, before most jobs would have met it."""
CHECK_SECONDS = 60.0
"""How often is seen whether the template still holds: image, kernel or VMM may have been replaced."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 300.0
"""Between failures, doubled each time: a host that cannot start machines must not do nothing but try."""
SHAPES_REMEMBERED = 4
"""Shapes that have a template and no machines: a handful of sizes is what an owner's workflows ask for."""
REMEMBERED_SECONDS = 24 * 3600.0
"""For so long after the last job its template is kept up to date."""
FIRST_JOB_SECONDS = 15.0
"""The job that was the first of its shape boots its own machine, and is not disturbed by the template's boot."""

OUTDATED = "its template is out of date"
AGED = "it stood unused for too long"
UNWANTED = "the pool wants fewer"
DRAINED = "the host is draining"
CROWDED = "a job needs its memory"


def claim(pools: Pools, shape: Shape, now: float) -> tuple[Pools, SandboxId | None]:
    """The machine that has stood longest, out of the pool for good; None where none can be had."""
    pool = pools.pools.get(shape)
    if pool is None:
        return _remember(pools, shape, now), None
    pool = replace(pool, claimed_at=now)
    if not pool.target:
        return _with(pools, pool), None
    free = [one for one in pool.ready if not one.asked and one.generation == pool.generation]
    if not free:
        return _with(pools, replace(pool, misses=pool.misses + 1)), None
    taken = min(free, key=lambda one: (one.since, one.id))
    return _with(pools, replace(_without(pool, taken.id), hits=pool.hits + 1)), taken.id


def _remember(pools: Pools, shape: Shape, now: float) -> Pools:
    """So that the next job of this shape is restored, not booted. Strangers choose no sizes here: each costs a boot."""
    if shape.trust == "fork" and shape.size != pools.usual:
        return pools
    unpooled = [pool for pool in pools.pools.values() if not pool.target]
    idle = sorted((pool.claimed_at, pool.shape) for pool in unpooled if not (pool.held or pool.preparing))
    surplus = len(unpooled) + 1 - SHAPES_REMEMBERED
    if surplus > len(idle):
        return pools
    oldest = {forgotten for _, forgotten in idle[: max(0, surplus)]}
    rest = {other: pool for other, pool in pools.pools.items() if other not in oldest}
    new = Pool(shape, 0, claimed_at=now, retry_at=now + FIRST_JOB_SECONDS)
    return replace(pools, pools={**rest, shape: new})


def evolve(pools: Pools, event: PoolEvent, now: float) -> Pools:
    """What is said of a machine or a pool that is not there changes nothing: it was claimed or retired meanwhile."""
    match event:
        case JobsTake(memory_mib):
            return replace(pools, jobs_mib=memory_mib)
        case Drained(draining):
            return replace(pools, draining=draining)
        case Targeted(shape, target):
            pool = pools.pools.get(shape, Pool(shape, 0))
            return _with(pools, replace(pool, target=target))
        case TemplateThere() | TemplateFailed() | Stood() | StartFailed() | Answered() | Silent():
            pool = pools.pools.get(event.shape)
            return pools if pool is None else _evolve(pools, pool, event, now)


def _evolve(
    pools: Pools,
    pool: Pool,
    event: TemplateThere | TemplateFailed | Stood | StartFailed | Answered | Silent,
    now: float,
) -> Pools:
    match event:
        case TemplateThere(built=built, key=key, image=image):
            there = replace(
                pool,
                templated=True,
                preparing=False,
                checked=now,
                generation=pool.generation + 1 if built else pool.generation,
                key=key or pool.key,
                image=image or pool.image,
            )
            return _with(pools, there if pool.templated else _recovered(there))
        case TemplateFailed(why=why):
            return _with(pools, _failed(replace(pool, templated=False, preparing=False), f"no template: {why}", now))
        case Stood(vm=vm, image=image):
            return _stood(pools, pool, vm, image, now)
        case StartFailed(vm=vm, why=why):
            if vm not in pool.starting:
                return pools
            return _with(pools, _failed(_without(pool, vm), why, now))
        case Answered(vm=vm):
            ready = tuple(replace(one, asked=False, heard=now) if one.id == vm else one for one in pool.ready)
            return _with(pools, replace(pool, ready=ready))
        case Silent(vm=vm, why=why):
            return _leave(pools, pool, {vm: why} if any(one.id == vm for one in pool.ready) else {})


def _stood(pools: Pools, pool: Pool, vm: SandboxId, image: str, now: float) -> Pools:
    """One that nobody waits for any more is still here, and must go."""
    if vm not in pool.starting:
        return replace(pools, leaving={**pools.leaving, vm: UNWANTED})
    machine = Machine(vm, since=now, heard=now, generation=pool.starting[vm])
    rest = _without(pool, vm)
    return _with(pools, _recovered(replace(rest, ready=(*rest.ready, machine), image=image or pool.image)))


def decide(pools: Pools, now: float) -> tuple[Pools, tuple[Action, ...]]:
    """What is to be done now, and the state in which it is being done. Deciding twice wants nothing new."""
    for pool in pools.pools.values():
        pools = _leave(pools, pool, _surplus(pools, pool, now))
    pools = _make_room(pools)
    actions: list[Action] = [Retire(vm, why) for vm, why in pools.leaving.items()]
    pools = replace(pools, leaving={})
    for shape in pools.pools:
        pools, more = _fill(pools, pools.pools[shape], now)
        actions += more
    return pools, tuple(actions)


def _surplus(pools: Pools, pool: Pool, now: float) -> dict[SandboxId, str]:
    """The machines that must go, each with the reason that it can be told."""
    leaving: dict[SandboxId, str] = {}
    for one in pool.ready:
        if pools.draining:
            leaving[one.id] = DRAINED
        elif one.generation != pool.generation:
            leaving[one.id] = OUTDATED
        elif now - one.since >= AGE_SECONDS and not one.asked:
            leaving[one.id] = AGED
    stay = sorted((one for one in pool.ready if one.id not in leaving), key=lambda one: one.since)
    too_many = len(stay) + len(pool.starting) - pool.target
    return leaving | {one.id: UNWANTED for one in stay[: max(0, too_many)]}


def _make_room(pools: Pools) -> Pools:
    """The pool that is named last gives first."""
    for pool in reversed(pools.pools.values()):
        while _free_mib(pools) < 0 and pools.pools[pool.shape].ready:
            current = pools.pools[pool.shape]
            pools = _leave(pools, current, {current.ready[-1].id: CROWDED})
    return pools


def _fill(pools: Pools, pool: Pool, now: float) -> tuple[Pools, list[Action]]:
    actions: list[Action] = []
    for one in pool.ready:
        if not one.asked and now - one.heard >= ASK_SECONDS:
            pool = replace(pool, ready=tuple(replace(it, asked=True) if it is one else it for it in pool.ready))
            actions.append(Ask(pool.shape, one.id))
    pools = _with(pools, pool)
    if pools.draining or now < pool.retry_at:
        return pools, actions
    if _template_is_due(pools, pool, now):
        pool = replace(pool, preparing=True)
        pools = _with(pools, pool)
        actions.append(Prepare(pool.shape))
    while pool.templated and pool.held < pool.target and _may_start(pools, pool):
        vm = SandboxId(f"{pools.name}-{pools.made + 1}")
        pool = replace(pool, starting={**pool.starting, vm: pool.generation})
        pools = replace(_with(pools, pool), made=pools.made + 1)
        actions.append(Start(pool.shape, vm))
    return pools, actions


def _template_is_due(pools: Pools, pool: Pool, now: float) -> bool:
    """One is made at a time: it is a machine that boots, and jobs want the processors, too."""
    wanted = pool.target or now - pool.claimed_at < REMEMBERED_SECONDS
    if not wanted or any(other.preparing for other in pools.pools.values()):
        return False
    if pool.templated:
        return now - pool.checked >= CHECK_SECONDS
    return _free_mib(pools) >= pool.size_mib


def _may_start(pools: Pools, pool: Pool) -> bool:
    under_way = sum(len(other.starting) for other in pools.pools.values())
    return under_way < STARTS_AT_ONCE and _free_mib(pools) >= pool.size_mib


def _free_mib(pools: Pools) -> int:
    held = sum(pool.held * pool.size_mib for pool in pools.pools.values())
    return pools.memory_mib - pools.jobs_mib - held


def _leave(pools: Pools, pool: Pool, leaving: dict[SandboxId, str]) -> Pools:
    if not leaving:
        return pools
    ready = tuple(one for one in pool.ready if one.id not in leaving)
    return replace(_with(pools, replace(pool, ready=ready)), leaving={**pools.leaving, **leaving})


def _without(pool: Pool, vm: SandboxId) -> Pool:
    starting = {name: generation for name, generation in pool.starting.items() if name != vm}
    return replace(pool, starting=starting, ready=tuple(one for one in pool.ready if one.id != vm))


def _failed(pool: Pool, why: str, now: float) -> Pool:
    pause = min(FIRST_PAUSE_SECONDS * 2 ** min(pool.failures, 30), LONGEST_PAUSE_SECONDS)
    return replace(pool, failures=pool.failures + 1, retry_at=now + pause, trouble=why)


def _recovered(pool: Pool) -> Pool:
    return replace(pool, failures=0, retry_at=0.0, trouble="")


def _with(pools: Pools, pool: Pool) -> Pools:
    return replace(pools, pools={**pools.pools, pool.shape: pool})
