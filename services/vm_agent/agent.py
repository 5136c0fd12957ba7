"""The agent: takes orders while it has room, runs each as an attempt of its own, and answers for every sandbox it made.

An order is acknowledged when its AttemptStarted (or AttemptRefused) is stored; the job runs on in its own task. Orders
may be lost, repeated or stale: the attempt's subject decides, and a stale one ends in a conflict before anything ran.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import msgspec

from libs.blobs.port import BlobMissing
from libs.bus.port import Conflict, Message, Poison
from libs.contracts import ids
from libs.contracts.attempt import AttemptRefused
from libs.contracts.commands import DrainHost
from libs.contracts.envelope import commit
from libs.contracts.host import DEFAULT_GROUP, Heartbeat, HostDraining, HostJoined, VmDestroyed, VmReaped
from libs.contracts.ids import BootId, Cause, HostId
from libs.contracts.orders import CancelOrder, JobOrder, LargeOrder, Order
from libs.contracts.run import CancelReason
from libs.contracts.size import MIB
from libs.contracts.subjects import parse_attempt
from libs.telemetry import log
from services.vm_agent.admission import Room, refusal, spec_of
from services.vm_agent.attempt import Attempt, Bases
from services.vm_agent.capacity import Capacity
from services.vm_agent.custody import Custody
from services.vm_agent.host_log import HostLog
from services.vm_agent.keys import CannotOpen, HostKey
from services.vm_agent.lease import Lease
from services.vm_agent.sandbox.live import Live
from services.vm_agent.sandbox.protocol import SandboxError, SandboxId
from services.vm_agent.sandbox.standstill import StillRunning

REMEMBERED_CANCELS = 1_000
"""Orders to stop that came before the order to start: two messages of one queue may be handled in either order."""
GRACE_SECONDS = 5.0
"""How long running jobs may still finish when the agent is told to stop; then they end, and are tried elsewhere."""
LAST_WORDS_SECONDS = 5.0
"""How long the agent tries to say how its attempts ended before it goes."""

TROUBLES = (SandboxError, StillRunning, OSError)
"""What stopping or removing a sandbox may end with; trouble with one must not keep the others from it."""

logger = log.get("agent")
_orders: msgspec.json.Decoder[Order] = msgspec.json.Decoder(Order)
_job_orders = msgspec.json.Decoder(JobOrder)
_drains = msgspec.json.Decoder(DrainHost)


@dataclass(frozen=True, slots=True)
class Host:
    """What this agent is, fixed for its life."""

    id: HostId
    slots: int
    labels: tuple[str, ...]
    key: HostKey
    now: Callable[[], datetime]
    capacity: Capacity | None = None
    """None where jobs get no machines."""
    group: str = DEFAULT_GROUP


class Agent:
    def __init__(self, host: Host, bases: Bases, host_log: HostLog, custody: Custody) -> None:
        self._host, self._bases, self._host_log, self._custody = host, bases, host_log, custody
        self._attempts: dict[str, Attempt] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._early_cancels: dict[str, CancelReason] = {}
        self._live = Live(self._sandboxes, bases.stock.held, *bases.others)
        self._draining = False
        self.leftovers: list[Attempt] = []
        self.changed = asyncio.Event()
        """Room was made: a heartbeat should say so at once."""

    @property
    def boot_id(self) -> BootId:
        return self._bases.boot_id

    def joined(self, clock_skew_ms: float) -> HostJoined:
        driver, capacity = self._bases.driver, self._host.capacity
        return HostJoined(
            host=self._host.id,
            boot_id=self._bases.boot_id,
            labels=self._host.labels,
            slots=self._host.slots,
            driver=driver.name,
            key=self._host.key.public,
            clock_skew_ms=clock_skew_ms,
            takes_forks=driver.takes_forks,
            largest=None if capacity is None else capacity.largest,
            usual=None if capacity is None else capacity.usual,
            memory_mib=0 if capacity is None else capacity.memory_mib,
            group=self._host.group,
        )

    def heartbeat(self) -> Heartbeat:
        pools, capacity = self._bases.stock.states(), self._host.capacity
        return Heartbeat(
            host=self._host.id,
            boot_id=self._bases.boot_id,
            slots=self._host.slots,
            free_slots=max(0, self._host.slots - self._used()),
            running=tuple(self._attempts),
            draining=self._draining,
            warm=tuple(sorted({pool.image for pool in pools if pool.ready})),
            pools=pools,
            free_mib=None if capacity is None else max(0, capacity.memory_mib - self._used_mib()),
        )

    async def on_order(self, message: Message) -> None:
        """A message of `job.<host_id>`. Raises Poison for what is no order."""
        try:
            order = _orders.decode(message.stored.data)
        except msgspec.DecodeError as error:
            raise Poison(f"this is no order: {error}") from None
        _check_address(order.attempt, self._host.id)
        match order:
            case JobOrder():
                await self._take(order)
            case LargeOrder():
                await self._take_large(order)
            case CancelOrder(attempt, reason):
                self._cancel(attempt, reason)

    async def on_command(self, message: Message) -> None:
        """A message of `cmd.host.<host_id>`."""
        try:
            command = _drains.decode(message.stored.data)
        except msgspec.DecodeError as error:
            raise Poison(f"this is no command for a host: {error}") from None
        if command.undrain == self._draining:
            self._draining = not command.undrain
            self._bases.stock.drain(self._draining)
            event = HostDraining(command.by, undrained=command.undrain)
            await self._host_log.append([event], Cause(command.id), command.by)
            self.changed.set()

    async def pause_all(self) -> None:
        """Every sandbox stands still; one that cannot be paused is ended instead: it must not go on unwatched."""
        for attempt in list(self._attempts.values()):
            try:
                await attempt.sandbox.pause()
            except TROUBLES as error:
                logger.warning("sandbox cannot be paused", attempt=attempt.order.attempt, why=error)
                with contextlib.suppress(*TROUBLES):
                    await attempt.sandbox.destroy()

    async def judge(self, *, resume: bool) -> None:
        """Whose is each attempt, and the host's name? Raises BusDown."""
        await self._host_log.check()
        if resume:
            await self._bases.stock.resume()
        for subject, attempt in list(self._attempts.items()):
            if not attempt.lease.owns(await self._bases.bus.last(subject)):
                logger.warning("attempt fenced", attempt=subject, why="its subject has moved on")
                self._tasks[subject].cancel()
            elif resume:
                with contextlib.suppress(*TROUBLES):
                    await attempt.sandbox.resume()

    async def stop(self, why: str) -> None:
        """Takes nothing more, lets jobs finish for a moment, ends the others."""
        self._draining = True
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=GRACE_SECONDS)
        attempts = list(self._attempts.values())
        for task in self._tasks.values():
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks.values())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS_SECONDS):
                await asyncio.gather(*(attempt.give_up(why) for attempt in attempts), return_exceptions=True)

    async def abandon(self) -> None:
        """The host's name is another's now: everything ends, and nothing more is said."""
        for task in self._tasks.values():
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks.values())

    async def _take_large(self, order: LargeOrder) -> None:
        try:
            whole = _job_orders.decode(await self._bases.blobs.get(order.blob))
        except BlobMissing as error:
            cause = Cause(f"order {order.attempt}")
            await self._refuse(order.attempt, cause, "", AttemptRefused(f"the order's blob is gone: {error}"))
            return
        except msgspec.DecodeError as error:
            raise Poison(f"the blob {order.blob.digest} holds no order: {error}") from None
        if whole.attempt != order.attempt:
            raise Poison(f"the blob {order.blob.digest} holds the order of {whole.attempt}, not of {order.attempt}")
        await self._take(whole)

    async def _take(self, order: JobOrder) -> None:
        running = self._tasks.get(order.attempt)
        if running is None:
            refused = AttemptRefused(order.problem, permanent=True) if order.problem else refusal(order, self._room())
            if refused is not None:
                await self._refuse(order.attempt, order.cause, order.actor, refused)
                return
            try:
                secrets = self._host.key.open(order.sealed)
            except CannotOpen as error:
                await self._refuse(order.attempt, order.cause, order.actor, AttemptRefused(str(error)))
                return
            running = self._start(order, secrets)
        held = asyncio.ensure_future(self._attempts[order.attempt].lease.held.wait())
        await asyncio.wait({held, running}, return_when=asyncio.FIRST_COMPLETED)
        held.cancel()

    def _start(self, order: JobOrder, secrets: dict[str, str]) -> asyncio.Task[None]:
        name = SandboxId(f"{order.run_id}-{order.n}-{os.urandom(4).hex()}")
        spec = spec_of(order, name, self._host.capacity)
        lease = Lease(
            self._bases.bus,
            subject=order.attempt,
            source=f"agent/{self._host.id}",
            boot_id=self._bases.boot_id,
            cause=order.cause,
            actor=order.actor,
            now=self._host.now,
        )
        attempt = Attempt(self._bases, order, spec, lease=lease, secrets=secrets, keeper=self)
        self._attempts[order.attempt] = attempt
        self._bases.stock.jobs_take(self._used_mib())
        early = self._early_cancels.pop(order.attempt, None)
        if early is not None:
            attempt.cancel(early)
        task = asyncio.create_task(attempt.run(), name=order.attempt)
        self._tasks[order.attempt] = task
        task.add_done_callback(lambda _: self._ended(order.attempt))
        return task

    def _ended(self, subject: str) -> None:
        self._attempts.pop(subject, None)
        task = self._tasks.pop(subject)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("attempt broke", attempt=subject, why=repr(error))
        self._bases.stock.jobs_take(self._used_mib())
        self.changed.set()

    def sandbox_stands(self, attempt: Attempt) -> None:
        """It exists from now on: the watchdog and the journal know of it."""
        self._custody.took(attempt.sandbox, attempt.order.attempt)

    def sandbox_gone(self, attempt: Attempt, why: str) -> None:
        self._custody.gave_up(attempt.sandbox.id)
        if self._bases.driver.makes_machines:
            self._host_log.add(VmDestroyed(attempt.sandbox.id, why, attempt.order.attempt), attempt.order.cause)

    def sandbox_stays(self, attempt: Attempt) -> None:
        self.leftovers.append(attempt)

    async def reap(self) -> None:
        """Tries again to remove what resisted, looks for what nobody knows of, and says so where it went."""
        for attempt in list(self.leftovers):
            try:
                await attempt.sandbox.destroy()
            except Exception as error:
                logger.warning("sandbox resists", sandbox=attempt.sandbox.id, why=repr(error))
                continue
            self.leftovers.remove(attempt)
            self._reaped(attempt.sandbox.id, f"what {attempt.order.attempt} left", attempt.order.cause)
        for swept in await self._bases.driver.sweep(self._live):
            logger.warning("leftover sandbox", sandbox=swept.id, what=swept.what, removed=swept.removed)
            if swept.removed:
                self._reaped(SandboxId(swept.id), swept.what, None)

    def _reaped(self, sandbox_id: SandboxId, what: str, cause: Cause | None) -> None:
        self._custody.gave_up(sandbox_id)
        self._host_log.add(VmReaped(sandbox_id, what), cause)

    def _sandboxes(self) -> list[SandboxId]:
        """Of attempts, also of those that could not be removed yet: they are tried on their own."""
        return [attempt.sandbox.id for attempt in (*list(self._attempts.values()), *list(self.leftovers))]

    def _cancel(self, subject: str, reason: CancelReason) -> None:
        attempt = self._attempts.get(subject)
        if attempt is not None:
            attempt.cancel(reason)
            return
        self._early_cancels[subject] = reason
        if len(self._early_cancels) > REMEMBERED_CANCELS:
            del self._early_cancels[next(iter(self._early_cancels))]

    async def _refuse(self, subject: str, cause: Cause, actor: str, refused: AttemptRefused) -> None:
        """Raises BusDown: the order stays in the queue. An attempt that has begun, or is lost, needs no refusal."""
        sealed = commit(
            id=ids.commit_id(subject, "refused", self._bases.boot_id),
            source=f"agent/{self._host.id}",
            subject=subject,
            cause=cause,
            now=self._host.now(),
            events=[refused],
            actor=actor,
        )
        with contextlib.suppress(Conflict):
            await self._bases.bus.append(sealed, expected=0)

    def _room(self) -> Room:
        driver = self._bases.driver
        return Room(
            host=self._host.id,
            slots=self._host.slots,
            used=self._used(),
            draining=self._draining,
            driver=driver.name,
            takes_forks=driver.takes_forks,
            isolation=driver.isolation,
            capacity=self._host.capacity,
            used_mib=self._used_mib(),
        )

    def _used(self) -> int:
        """An attempt that is about to say its end has left its slot: the scheduler answers it with the next order."""
        return sum(1 for attempt in self._attempts.values() if not attempt.ending)

    def _used_mib(self) -> int:
        """Of its slot goes its memory, as the scheduler counts it."""
        if self._host.capacity is None:
            return 0
        bytes_ = sum(a.spec.memory_bytes or 0 for a in self._attempts.values() if not a.ending)
        return bytes_ // MIB


def _check_address(subject: str, host: HostId) -> None:
    """What is appended there is ours for good, so it must be an attempt of this host. Raises Poison."""
    try:
        address = parse_attempt(subject)
    except ValueError as error:
        raise Poison(str(error)) from None
    if address.host != host:
        raise Poison(f"{subject} is an attempt of host {address.host}, and this is {host}")
