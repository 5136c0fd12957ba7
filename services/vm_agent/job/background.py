"""Steps that run beside the others: begun in their turn, waited for by name or at the end, ended on request.

What such a step did (its outcome, outputs, variables) is seen by others from the moment when the job waits for it, as
on GitHub: until then a step beside it must not depend on which of the two is faster.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

from libs.contracts.results import Result
from services.vm_agent.job.step import Done, Step

AT_ONCE = 10
"""Background steps that work at the same time; GitHub's number. The next one begins when one of them has ended."""


@dataclass(slots=True)
class _Running:
    step: Step
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[Done | None] | None = None
    ended_on_purpose: bool = False


class Background:
    """The background steps of one job, by their index, until they are waited for."""

    def __init__(self) -> None:
        self._running: dict[int, _Running] = {}
        self._places = asyncio.Semaphore(AT_ONCE)

    @property
    def steps(self) -> tuple[int, ...]:
        """Those that nobody has waited for, in the order in which they were begun."""
        return tuple(self._running)

    def begin(self, index: int, step: Step) -> None:
        running = self._running[index] = _Running(step)
        running.task = asyncio.create_task(self._work(running))

    async def wait(self, steps: Iterable[int], *, forgiving: bool = False) -> list[tuple[str, Result]]:
        """Waits for these, settles each, and says how they ended. One that was waited for before is passed over.
        Raises JobError of the first that Firebreak failed.
        """
        ended: list[tuple[str, Result]] = []
        for index in steps:
            running = self._running.get(index)
            if running is None or running.task is None:
                continue
            await asyncio.wait({running.task})
            del self._running[index]
            ended.append((running.step.name, await self._settled(running, running.task.result(), forgiving)))
        return ended

    async def cancel(self, index: int) -> str | None:
        """Ends it and waits until it has ended; the answer is its name, None where it was over and settled before."""
        running = self._running.get(index)
        if running is None:
            return None
        running.ended_on_purpose = True
        running.stop.set()
        await self.wait([index])
        return running.step.name

    async def clear(self) -> None:
        """The job ends without them: their processes go with its sandbox."""
        tasks = [running.task for running in self._running.values() if running.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for running in self._running.values():
            running.step.skip("Not finished: the job could not go on.")
        self._running.clear()

    async def _work(self, running: _Running) -> Done | None:
        async with self._places:
            return None if running.stop.is_set() else await running.step.work(running.stop)

    async def _settled(self, running: _Running, done: Done | None, forgiving: bool) -> Result:
        if done is None:
            running.step.stopped("A later step ended it before it began.")
            return "cancellation"
        return await running.step.settle(done, forgiven=forgiving, ended_on_purpose=running.ended_on_purpose)
