"""Waits for what a step started, and stops it in time: at the step's limit, or when the job is cancelled.

Stopping is GitHub's: SIGINT to the whole process group, 7.5 s, SIGTERM, 2.5 s, SIGKILL. A step whose condition still
holds after the cancellation (`always()`) goes on, but not for ever.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Generic, Literal, Protocol, TypeVar

from libs.contracts.results import Result
from libs.contracts.run import CancelReason

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
StoppedBy = Literal["limit", "cancellation", "request"]


@dataclass(frozen=True, slots=True)
class Patience:
    """GitHub's times. After a cancellation steps that still want to run have `cancel_seconds` in all."""

    interrupt_seconds: float = 7.5
    terminate_seconds: float = 2.5
    cancel_seconds: float = 300.0

    def until_cancelled(self, milliseconds: int | None) -> Patience:
        """With a job's own `cancel-timeout-minutes`, where it has one."""
        return self if milliseconds is None else replace(self, cancel_seconds=milliseconds / 1000)


class Cancellation:
    """Whether this job is to stop, and why. The first request counts."""

    def __init__(self, patience: Patience, clock: Callable[[], float]) -> None:
        self._patience, self._clock = patience, clock
        self._event = asyncio.Event()
        self.reason: CancelReason | None = None
        self.deadline = float("inf")
        """When even `always()` steps end, on `clock`."""

    @property
    def requested(self) -> bool:
        return self.reason is not None

    @property
    def end(self) -> tuple[Result, str]:
        """What that comes to for a step which it ended, and GitHub's words for it."""
        if self.reason == "timeout":
            return "timeout", "The job has reached its time limit."
        return "cancellation", "The operation was canceled."

    @property
    def expired(self) -> bool:
        return self._clock() >= self.deadline

    def request(self, reason: CancelReason) -> None:
        if self.reason is None:
            self.reason = reason
            self.deadline = self._clock() + self._patience.cancel_seconds
            self._event.set()

    async def wait(self) -> None:
        await self._event.wait()


class Running(Protocol[T_co]):
    """A process group, or something that stands for one."""

    async def wait(self) -> T_co: ...
    async def signal(self, number: signal.Signals) -> None: ...


class Awaited(Generic[T]):
    """A coroutine as something that a signal ends; `wait` answers None then."""

    def __init__(self, work: Coroutine[object, object, T]) -> None:
        self._task = asyncio.ensure_future(work)

    async def wait(self) -> T | None:
        try:
            await asyncio.wait({self._task})
        except asyncio.CancelledError:
            self._task.cancel()
            raise
        return None if self._task.cancelled() else self._task.result()

    async def signal(self, number: signal.Signals) -> None:
        self._task.cancel()


@dataclass(frozen=True, slots=True)
class Ended(Generic[T]):
    value: T
    stopped_by: StoppedBy | None = None


@dataclass(frozen=True, slots=True)
class Supervision:
    """`heeds_cancellation`: the step's condition held before any was requested; `still_wanted` evaluates it anew.
    `stop` is set where somebody else in the job ends this step.
    """

    cancellation: Cancellation
    patience: Patience
    clock: Callable[[], float]
    limit_seconds: float | None
    heeds_cancellation: bool
    still_wanted: Callable[[], Awaitable[bool]]
    stop: asyncio.Event | None = None

    async def watch(self, running: Running[T]) -> Ended[T]:
        """Until it has ended by itself or was stopped. Raises what its `wait` raises."""
        waiting = asyncio.ensure_future(running.wait())
        cancelled = asyncio.ensure_future(self.cancellation.wait())
        stop = asyncio.ensure_future((self.stop or asyncio.Event()).wait())
        try:
            stopped_by = await self._until_done_or_due(waiting, cancelled, stop)
            if stopped_by is not None:
                await self._stop(running, waiting)
            return Ended(await waiting, stopped_by)
        finally:
            cancelled.cancel()
            stop.cancel()
            waiting.cancel()

    async def _until_done_or_due(
        self, waiting: asyncio.Future[T], cancelled: asyncio.Future[None], stop: asyncio.Future[Literal[True]]
    ) -> StoppedBy | None:
        limit = self.clock() + self.limit_seconds if self.limit_seconds is not None else float("inf")
        heeds = self.heeds_cancellation
        while True:
            if waiting.done():
                return None
            if stop.done():
                return "request"
            if self.cancellation.requested and heeds:
                heeds = False
                if not await self.still_wanted():
                    return "cancellation"
            due = min(limit, self.cancellation.deadline)
            if self.clock() >= due:
                return "limit" if due == limit else "cancellation"
            events = {waiting, stop} if self.cancellation.requested else {waiting, stop, cancelled}
            seconds = due - self.clock()
            await asyncio.wait(
                events, timeout=None if seconds == float("inf") else seconds, return_when=asyncio.FIRST_COMPLETED
            )

    async def _stop(self, running: Running[T], waiting: asyncio.Future[T]) -> None:
        for number, seconds in (
            (signal.SIGINT, self.patience.interrupt_seconds),
            (signal.SIGTERM, self.patience.terminate_seconds),
        ):
            await running.signal(number)
            await asyncio.wait({waiting}, timeout=seconds)
            if waiting.done():
                return
        await running.signal(signal.SIGKILL)
