"""Carries out what the core decides, a task for each action, and tells the core how it ended.

The machines themselves are here, and only here: a claim hands one out and forgets it. Nothing but cancellation ends
`run`, and then every machine is gone. It knows nothing of jobs.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Coroutine

from libs.contracts.host import HostEvent, PoolState, TemplateBuilt, VmDestroyed, VmPooled
from libs.telemetry import log
from services.vm_agent.custody import Custody
from services.vm_agent.finishing import to_the_end
from services.vm_agent.pool import core
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
from services.vm_agent.pool.shapes import shape_of
from services.vm_agent.pool.state import Pool, Pools
from services.vm_agent.sandbox.protocol import (
    Driver,
    Prepared,
    Ready,
    Sandbox,
    SandboxId,
    SandboxLost,
    SandboxSpec,
    Shape,
)
from services.vm_agent.sandbox.run import run
from services.vm_agent.sandbox.unmade import made

TICK_SECONDS = 1.0
"""How often time alone may want something: ages and pauses are far longer."""
ANSWER_SECONDS = 10.0
"""An idle guest answers in milliseconds, on a busy host in a second; one that needs longer is no use to a job."""
START_SECONDS = 180.0
PREPARE_SECONDS = 600.0
"""A driver has deadlines of its own for each phase; these only keep a pool from standing still for ever."""
FIRST_COMMAND = ("bash", "-c", "true")
"""Proves that the guest runs commands, and takes from the job what the first one costs: 0.2 s where it is emulated."""
WHOSE = "the pool"
STOPPED = "the agent was stopped"
WHY_CHARACTERS = 500
"""A VMM's complaint may be long, and a heartbeat carries it."""

logger = log.get("pool")


class WarmPool:
    """`tell` takes what the host's log should say; it must not wait."""

    def __init__(
        self,
        driver: Driver,
        pools: Pools,
        *,
        custody: Custody,
        tell: Callable[[HostEvent], None],
        clock: Callable[[], float],
    ) -> None:
        self._driver, self._pools, self._custody, self._tell, self._clock = driver, pools, custody, tell, clock
        self._machines: dict[SandboxId, Sandbox] = {}
        self._told: set[SandboxId] = set()
        """Those that the log knows: their end is told, too."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._woken = asyncio.Event()

    async def run(self) -> None:
        try:
            while True:
                self._woken.clear()
                self._decide()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(TICK_SECONDS):
                        await self._woken.wait()
        finally:
            await to_the_end(self._empty())

    def claim(self, spec: SandboxSpec) -> Sandbox:
        shape = shape_of(spec)
        if shape is None:
            return made(self._driver, spec)
        self._pools, taken = core.claim(self._pools, shape, self._clock())
        self._woken.set()
        if taken is None:
            return made(self._driver, spec)
        self._told.discard(taken)
        return self._machines.pop(taken)

    def jobs_take(self, memory_mib: int) -> None:
        self._happened(JobsTake(memory_mib))

    def drain(self, draining: bool) -> None:
        self._happened(Drained(draining))

    def aim(self, shape: Shape, target: int) -> None:
        self._happened(Targeted(shape, target))

    async def resume(self) -> None:
        """One that cannot go on is found by the next question, and replaced."""
        for sandbox in self._machines.values():
            with contextlib.suppress(Exception):
                await sandbox.resume()

    def held(self) -> Collection[SandboxId]:
        return list(self._machines)

    def states(self) -> tuple[PoolState, ...]:
        return tuple(_state(pool) for pool in self._pools.pools.values())

    def _happened(self, event: PoolEvent) -> None:
        self._pools = core.evolve(self._pools, event, self._clock())
        self._woken.set()

    def _decide(self) -> None:
        self._pools, actions = core.decide(self._pools, self._clock())
        for action in actions:
            self._spawn(self._carry_out(action))

    async def _carry_out(self, action: Action) -> None:
        match action:
            case Prepare(shape):
                await self._prepare(shape)
            case Start(shape, vm):
                await self._start(shape, vm)
            case Ask(shape, vm):
                await self._ask(shape, vm)
            case Retire(vm, why):
                await self._retire(vm, why)

    async def _prepare(self, shape: Shape) -> None:
        try:
            async with asyncio.timeout(PREPARE_SECONDS):
                prepared = await self._driver.prepare(shape)
        except Exception as error:
            logger.warning("no template", size=str(shape.size), trust=shape.trust, why=error)
            self._happened(TemplateFailed(shape, _words(error)))
            return
        if prepared is None:
            self._happened(TemplateThere(shape, built=False))
            return
        self._tell(_template_built(shape, prepared))
        self._happened(TemplateThere(shape, built=True, key=prepared.key, image=prepared.image))

    async def _start(self, shape: Shape, vm: SandboxId) -> None:
        sandbox = self._machines[vm] = made(self._driver, shape.spec(vm))
        try:
            async with asyncio.timeout(START_SECONDS):
                ready = await sandbox.start()
                await _prove(sandbox)
        except Exception as error:
            logger.warning("no machine for the pool", vm=vm, why=error)
            await self._destroy(vm)
            self._happened(StartFailed(shape, vm, _words(error)))
            return
        self._custody.took(sandbox, WHOSE)
        self._tell(_pooled(vm, shape, ready))
        self._told.add(vm)
        self._happened(Stood(shape, vm, ready.image))

    async def _ask(self, shape: Shape, vm: SandboxId) -> None:
        sandbox = self._machines.get(vm)
        if sandbox is None:
            return
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await sandbox.start()
        except TimeoutError:
            self._happened(Silent(shape, vm, f"it did not answer within {ANSWER_SECONDS:g} s"))
        except Exception as error:
            self._happened(Silent(shape, vm, _words(error)))
        else:
            self._happened(Answered(shape, vm))

    async def _retire(self, vm: SandboxId, why: str) -> None:
        if await self._destroy(vm) and vm in self._told:
            self._told.discard(vm)
            self._custody.gave_up(vm)
            self._tell(VmDestroyed(vm, why))

    async def _destroy(self, vm: SandboxId) -> bool:
        """What resists is the sweep's from now on: it belongs to nothing that lives, and is tried every minute."""
        sandbox = self._machines.get(vm)
        if sandbox is None:
            return False
        try:
            await to_the_end(sandbox.destroy())
        except Exception as error:
            logger.error("machine not removed", vm=vm, why=repr(error))
            return False
        finally:
            self._machines.pop(vm, None)
        return True

    async def _empty(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await asyncio.gather(*(self._retire(vm, STOPPED) for vm in list(self._machines)))

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _prove(sandbox: Sandbox) -> None:
    ended, _ = await run(sandbox, FIRST_COMMAND)
    if ended.code != 0:
        raise SandboxLost(f"`{' '.join(FIRST_COMMAND)}` ended with {ended.code} in machine {sandbox.id}")


def _template_built(shape: Shape, made: Prepared) -> TemplateBuilt:
    return TemplateBuilt(made.vm, made.key, made.image, shape.size, shape.trust, made.phases_ms)


def _pooled(vm: SandboxId, shape: Shape, ready: Ready) -> VmPooled:
    how = "restored" if ready.how == "restored" else "booted"
    return VmPooled(vm, ready.image, shape.size, shape.trust, how, pid=ready.pid, phases_ms=ready.phases_ms)


def _state(pool: Pool) -> PoolState:
    return PoolState(
        image=pool.image,
        size=pool.shape.size,
        trust=pool.shape.trust,
        target=pool.target,
        ready=len(pool.ready),
        starting=len(pool.starting),
        hits=pool.hits,
        misses=pool.misses,
        template=pool.key or ("there" if pool.templated else ""),
        trouble=pool.trouble,
    )


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError) and not str(error):
        return "it took too long"
    return (str(error) or type(error).__name__)[:WHY_CHARACTERS]
