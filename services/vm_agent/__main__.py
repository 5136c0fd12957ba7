"""The agent of this host: it takes the jobs that are assigned to it and runs their steps in sandboxes.

*Consumes:* `job.<host_id>` (orders), `cmd.host.<host_id>` (drain, undrain), `debug.<host_id>.*` (debug sessions),
`ev.advice.fleet` (how many machines shall stand ready).
*Emits:* the events of its attempts (`ev.attempt.<host_id>.>`) and of itself (`ev.host.<host_id>`), log batches
(`log.<host_id>.>`), heartbeats (`hb.<host_id>`), blobs of logs, summaries and large outputs, what debug sessions show
(`debug.<host_id>.<session>.out`).
*Owns:* its attempts and sandboxes; `FIREBREAK_HOME/agent/<host_id>` on this machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncGenerator, Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from libs import process
from libs.bus.port import Bus, BusDown, Consumer, Handler
from libs.bus.streams import prepare
from libs.contracts import subjects
from libs.contracts.envelope import encode
from libs.contracts.host import HEARTBEAT_SECONDS, HostEvent, HostLeft, PoolState, VmReaped
from libs.contracts.ids import BootId, Cause
from libs.environment import BadSetting
from libs.process import Process
from libs.settings import Settings
from libs.sources import Sources
from libs.telemetry import log
from services.vm_agent.agent import Agent, Host
from services.vm_agent.attempt import Bases
from services.vm_agent.capacity import Capacity, FixedSize, elsewhere, host_memory_mib
from services.vm_agent.capacity import capacity as capacity_of
from services.vm_agent.clock_skew import clock_skew_ms
from services.vm_agent.contact import Contact
from services.vm_agent.custody import Custody
from services.vm_agent.finishing import to_the_end
from services.vm_agent.guard import Guard, NoGuard
from services.vm_agent.host_log import HostLog, TakenOver
from services.vm_agent.job.containers.offered import OfferedImages
from services.vm_agent.job.supervision import Patience
from services.vm_agent.journal import AlreadyRunning, Journal
from services.vm_agent.keys import HostKey
from services.vm_agent.sandbox.drivers import NoDriver, choose
from services.vm_agent.sandbox.premises import premises_of
from services.vm_agent.sandbox.protocol import Driver
from services.vm_agent.stock import NoStock, Stock

if TYPE_CHECKING:
    from services.vm_agent.keeping import Keeping

STOPPED = "the agent was stopped"
SPARE_HANDLERS = 8
"""Orders in hand beyond one a slot: an order to stop must not wait behind orders that wait for the bus."""
GOODBYE_SECONDS = 5.0
REAP_SECONDS = 60.0
"""How often what could not be removed is tried again."""
REFUSED_SECONDS = 1.0
"""Before a refused consumer is tried again."""

logger = log.get("agent")


@dataclass(frozen=True, slots=True)
class Options:
    """What a run in one process does otherwise. `driver`, `sources` and `actions`: None makes them from the
    settings."""

    driver: Driver | None = None
    sources: Sources | None = None
    actions: Sources | None = None
    seals: bool = True
    """Secrets may come sealed for this boot."""
    watched: bool = True
    """A watchdog process stands beside the sandboxes."""
    keeps: bool = True
    """What failed may be kept, and looked at."""
    patience: Patience = Patience()  # noqa: RUF009  (it is frozen)


async def serve(process: Process, options: Options = Options()) -> None:
    """Until cancelled. Raises BadSetting where this host cannot be an agent as it is set up."""
    settings = process.settings
    folder = settings.home / "agent" / settings.host_id
    try:
        journal = Journal(folder)
        try:
            async with _sources(process, options) as sources, _actions(process, options) as actions:
                await _serve(process, options, (sources, actions), folder, journal)
        finally:
            journal.close()
    except AlreadyRunning as error:
        raise BadSetting(f"FIREBREAK_HOST_ID={settings.host_id}: {error}; give each agent a name of its own") from None
    except TakenOver as error:
        raise BadSetting(f"FIREBREAK_HOST_ID={settings.host_id}: {error}; give each agent a name of its own") from None
    except NoDriver as error:
        raise BadSetting(f"FIREBREAK_DRIVER={settings.driver}: {error}") from None


async def _serve(
    process: Process, options: Options, sources: tuple[Sources, Sources], folder: Path, journal: Journal
) -> None:
    """`sources` are those of jobs' own repositories, and those of actions."""
    settings = process.settings
    premises = premises_of(settings, folder)
    driver = options.driver or await choose(settings.driver, premises)
    boot_id = BootId(os.urandom(16).hex())
    host_log = HostLog(process.bus, settings.host_id, boot_id, _now)
    holder: list[Contact] = []
    guard = _guard(
        options, premises.sandboxes, lambda seconds: [contact.suspect(_stopped(seconds)) for contact in holder]
    )
    custody = Custody(journal, guard)
    keeping = _keeping(process, options, driver, custody, host_log) if driver.makes_machines else None
    capacity = _capacity(settings, driver) if driver.makes_machines else None
    bases = Bases(
        bus=process.bus,
        blobs=process.blobs,
        sources=sources[0],
        actions=sources[1],
        driver=driver,
        boot_id=boot_id,
        spool_folder=folder,
        job_environment=settings.job_environment,
        patience=options.patience,
        stock=_stock(settings, driver, capacity, custody, host_log),
        offered_images=OfferedImages(settings.container_images),
        others=() if keeping is None else (keeping.held,),
        keep=keeping.keep if keeping is not None and keeping.keeper.keeps else None,
    )
    host = Host(
        settings.host_id,
        settings.slots,
        settings.labels,
        HostKey(enabled=options.seals),
        _now,
        capacity,
        settings.group,
    )
    reaped = await _reaped(driver, journal)
    agent = Agent(host, bases, host_log, custody)
    contact = Contact(process.bus, agent, time.monotonic)
    holder.append(contact)
    await guard.start()
    try:
        await host_log.join([agent.joined(await clock_skew_ms(process.bus, host.id, _now)), *reaped])
        logger.info("joined", host=host.id, driver=driver.name, slots=host.slots, isolation=driver.isolation)
        following = _following(process, bases.stock, capacity)
        await _work(process, agent, contact, host_log, (*_running(bases.stock, keeping), *following))
    finally:
        await guard.close()


def _running(stock: Stock, keeping: Keeping | None) -> tuple[Callable[[], Coroutine[object, object, None]], ...]:
    return (stock.run,) if keeping is None else (stock.run, keeping.run)


def _following(
    process: Process, stock: Stock, capacity: Capacity | None
) -> tuple[Callable[[], Coroutine[object, object, None]], ...]:
    """Nothing where there is no pool, or where the operator named one."""
    settings = process.settings
    if capacity is None or settings.pool_is_fixed or isinstance(stock, NoStock):
        return ()
    from services.vm_agent.pool.advised import targets_of
    from services.vm_agent.pool.following import Following
    from services.vm_agent.pool.shapes import shapes_wanted

    usual = shapes_wanted(settings.pool, capacity)
    following = Following(
        process.bus,
        stock,
        lambda given: targets_of(given, settings.host_id, settings.slots, capacity, usual),
        usual,
    )
    return (following.run,)


async def _work(
    process: Process,
    agent: Agent,
    contact: Contact,
    host_log: HostLog,
    others: tuple[Callable[[], Coroutine[object, object, None]], ...],
) -> None:
    """Takes orders until cancelled, then ends what runs and says goodbye."""
    settings = process.settings
    orders = Consumer(
        subjects.JOBS,
        f"agent-{settings.host_id}",
        (subjects.doorbell(settings.host_id),),
        concurrency=settings.slots + SPARE_HANDLERS,
    )
    commands = Consumer(subjects.COMMANDS, f"host-{settings.host_id}", (subjects.host_command(settings.host_id),))
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_beat(process, agent))
            tasks.create_task(contact.keep())
            tasks.create_task(_reap(agent))
            for run in others:
                tasks.create_task(run())
            tasks.create_task(host_log.write())
            tasks.create_task(host_log.until_taken_over())
            tasks.create_task(_consume(process.bus, orders, agent.on_order))
            tasks.create_task(_consume(process.bus, commands, agent.on_command))
    except BaseExceptionGroup as group:
        if group.subgroup(TakenOver) is None:
            raise
        await agent.abandon()
        raise TakenOver("another agent runs under this name") from None
    finally:
        await to_the_end(_stop(agent, host_log))


async def _consume(bus: Bus, consumer: Consumer, handler: Handler) -> None:
    """Reads for as long as the agent lives. A server that restarted has forgotten what it kept in memory: its streams
    are made anew, and the jobs that run here do not notice.
    """
    while True:
        try:
            await bus.consume(consumer, handler)
        except TakenOver:
            raise
        except Exception as error:
            logger.error("the bus refused a consumer", consumer=consumer.name, why=error)
        await asyncio.sleep(REFUSED_SECONDS)
        with contextlib.suppress(Exception):
            await prepare(bus)


async def _stop(agent: Agent, host_log: HostLog) -> None:
    await agent.stop(STOPPED)
    event = HostLeft(agent.boot_id, STOPPED)
    with contextlib.suppress(TimeoutError, TakenOver):
        async with asyncio.timeout(GOODBYE_SECONDS):
            await host_log.flush()
            await host_log.append([event], Cause(agent.boot_id))


async def _beat(process: Process, agent: Agent) -> None:
    subject = subjects.heartbeat(process.settings.host_id)
    show = _pool_metrics(process)
    while True:
        agent.changed.clear()
        beat = agent.heartbeat()
        show(beat.pools)
        with contextlib.suppress(BusDown):
            await process.bus.publish(subject, encode(beat))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HEARTBEAT_SECONDS):
                await agent.changed.wait()


def _pool_metrics(process: Process) -> Callable[[tuple[PoolState, ...]], None]:
    """For `/metrics`, where somebody serves it; the library is slow to load."""
    if process.settings.metrics_port is None:
        return lambda pools: None
    from services.vm_agent.pool.metrics import pool_metrics

    return pool_metrics(process.metrics).show


async def _reap(agent: Agent) -> None:
    while True:
        await asyncio.sleep(REAP_SECONDS)
        await agent.reap()


async def _reaped(driver: Driver, journal: Journal) -> list[HostEvent]:
    """Removes what older boots left here, and says what it was."""
    events: list[HostEvent] = []
    for swept in await driver.sweep(()):
        attempt = journal.left.get(swept.id)
        what = f"{swept.what}, of {attempt}" if attempt else swept.what
        logger.warning("leftover sandbox", sandbox=swept.id, what=what, removed=swept.removed)
        if swept.removed:
            events.append(VmReaped(swept.id, what))
    return events


def _capacity(settings: Settings, driver: Driver) -> Capacity:
    made = (
        elsewhere(driver.fixed_size, settings.slots)
        if isinstance(driver, FixedSize)
        else capacity_of(
            os.cpu_count() or 1,
            host_memory_mib(),
            settings.slots,
            usual=settings.vm_size,
            largest=settings.vm_largest,
        )
    )
    return replace(made, disk_bytes=settings.vm_disk_bytes)


def _stock(settings: Settings, driver: Driver, capacity: Capacity | None, custody: Custody, host_log: HostLog) -> Stock:
    """A pool where sandboxes are machines; anything else is made in a moment, and loads no pool. A run in one process
    has no pool at all: nobody would take from it what the next run needs."""
    if capacity is None or not settings.pool:
        return NoStock(driver)
    from services.vm_agent.pool.shapes import shapes_wanted
    from services.vm_agent.pool.shell import WarmPool
    from services.vm_agent.pool.state import pools_of

    for target in settings.pool:
        if target.size is not None and not target.size.fits(capacity.largest):
            why = f"FIREBREAK_POOL asks for machines of {target.size}, this host makes them up to {capacity.largest}"
            logger.warning("pool left out", why=why)
    wanted = shapes_wanted(settings.pool, capacity)
    pools = pools_of(wanted, capacity.memory_mib, f"pool-{os.urandom(3).hex()}", capacity.usual)
    return WarmPool(driver, pools, custody=custody, tell=host_log.add, clock=time.monotonic)


def _keeping(process: Process, options: Options, driver: Driver, custody: Custody, host_log: HostLog) -> Keeping | None:
    """What failed is kept for others to look at: a run in one process is over before anybody could."""
    if not options.keeps:
        return None
    # Imported here: it loads what seals.
    from services.vm_agent.keeping import keeping

    return keeping(process.settings, process.bus, driver, custody, host_log)


def _guard(options: Options, folder: Path, on_paused: Callable[[float], object]) -> Guard:
    if not options.watched:
        return NoGuard()
    from services.vm_agent.sandbox.watchdog.client import Watchdog

    return Watchdog(on_paused=on_paused, on_trouble=lambda text: logger.warning("watchdog", why=text), folder=folder)


@contextlib.asynccontextmanager
async def _sources(process: Process, options: Options) -> AsyncGenerator[Sources]:
    """Those of the options, or mirrors of this host's own, closed at the end."""
    if options.sources is not None:
        yield options.sources
        return
    # Imported here: a run in one process brings its own, and needs no mirrors.
    from libs.github.sources import open_sources

    sources = open_sources(process.settings)
    try:
        yield sources
    finally:
        await sources.close()


@contextlib.asynccontextmanager
async def _actions(process: Process, options: Options) -> AsyncGenerator[Sources]:
    """The same for the repositories of actions."""
    if options.actions is not None:
        yield options.actions
        return
    from libs.github.actions import open_actions

    actions = open_actions(process.settings)
    try:
        yield actions
    finally:
        await actions.close()


def _stopped(seconds: float) -> str:
    return f"the agent stood still for {seconds:.0f} s, and its watchdog stopped the sandboxes"


def _now() -> datetime:
    return datetime.now(UTC)


def main() -> None:
    process.main("vm_agent", serve)


if __name__ == "__main__":
    main()
