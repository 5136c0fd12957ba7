"""The processes that answer, few of them: kept while they are asked, ended with what they cannot end themselves.

One question has one process to itself, so a question that eats memory or time costs its own answer and nobody else's.
"""

from __future__ import annotations

import asyncio
import contextlib
from asyncio.subprocess import PIPE, Process
from dataclasses import dataclass
from pathlib import Path

from libs.analytics.asked import command, environment, refusal_of
from libs.analytics.question import (
    HEAD,
    Begun,
    Ended,
    Garbled,
    Part,
    Question,
    Refused,
    length_of,
    part_of,
    question_message,
)

ANSWERERS = 2
"""Each may take DuckDB's 1 GB and one processor."""
THREADS = 1
IDLE_SECONDS = 300.0
"""An idle one holds some 90 MB; the next question after that waits half a second for a new one."""
START_SECONDS = 30.0
"""For a process to start on a busy machine, beside the question's own time, which it keeps itself."""
WAIT_SECONDS = 10.0
"""As long as one question may take: whoever waits longer has many before him."""
END_SECONDS = 5.0
STOPPED = "the service is being stopped; ask again in a moment"


class Busy(Exception):
    """Others' questions leave no room for this one, or the service is being stopped."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A whole answer; `text` in the form that the question wanted."""

    begun: Begun
    text: bytes
    cut: bool


class Answerers:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._places = asyncio.Semaphore(ANSWERERS)
        self._idle: list[tuple[_Answerer, asyncio.TimerHandle]] = []
        self._at_work: set[_Answerer] = set()
        self._stopped = False

    async def answer(self, question: Question) -> Answered | Refused:
        """Waits for its turn. Cancelled, it ends the question. Raises Busy."""
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._places.acquire()
        except TimeoutError:
            raise Busy(f"{ANSWERERS} questions run at once, and none has ended for {WAIT_SECONDS:.0f} s") from None
        try:
            return await self._answer(question)
        finally:
            self._places.release()

    async def close(self) -> None:
        """Ends every question: nobody waits for one when the service stops."""
        self._stopped = True
        for answerer in self._at_work:
            answerer.kill()
        idle, self._idle = self._idle, []
        for answerer, timer in idle:
            timer.cancel()
            await answerer.end()

    async def _answer(self, question: Question) -> Answered | Refused:
        answerer = await self._take()
        self._at_work.add(answerer)
        try:
            result = await answerer.answer(question)
        except BaseException:
            answerer.kill()
            raise
        finally:
            self._at_work.discard(answerer)
        if self._stopped:
            answerer.kill()
            raise Busy(STOPPED)
        if answerer.usable:
            self._keep(answerer)
        return result

    async def _take(self) -> _Answerer:
        if self._stopped:
            raise Busy(STOPPED)
        while self._idle:
            answerer, timer = self._idle.pop()
            timer.cancel()
            if answerer.alive:
                return answerer
        answerer = await _Answerer.started(self.folder)
        if self._stopped:  # meanwhile: whoever stops does not know this one yet
            answerer.kill()
            raise Busy(STOPPED)
        return answerer

    def _keep(self, answerer: _Answerer) -> None:
        timer = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._retire, answerer)
        self._idle.append((answerer, timer))

    def _retire(self, answerer: _Answerer) -> None:
        self._idle = [(other, timer) for other, timer in self._idle if other is not answerer]
        answerer.kill()


class _Answerer:
    def __init__(self, process: Process) -> None:
        self._process = process
        self.usable = True

    @staticmethod
    async def started(folder: Path) -> _Answerer:
        process = await asyncio.create_subprocess_exec(
            *command(folder, THREADS), stdin=PIPE, stdout=PIPE, env=environment(), start_new_session=True
        )
        return _Answerer(process)

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    async def answer(self, question: Question) -> Answered | Refused:
        try:
            async with asyncio.timeout(question.seconds + START_SECONDS):
                result = await self._asked(question)
        except (asyncio.IncompleteReadError, ConnectionError):
            result = refusal_of(await self.end(), question.seconds)
        except (TimeoutError, Garbled) as error:
            await self.end()
            result = Refused("time" if isinstance(error, TimeoutError) else "work", "its process was ended")
        # After any other refusal the process has ended by itself, which gives back what the question had taken.
        self.usable = not isinstance(result, Refused) or result.fault == "statement"
        return result

    async def _asked(self, question: Question) -> Answered | Refused:
        assert self._process.stdin is not None
        self._process.stdin.write(question_message(question))
        await self._process.stdin.drain()
        begun, text = Begun(0, ""), bytearray()
        while True:
            match await self._part():
                case Begun() as begun:
                    pass
                case bytes() as piece:
                    text += piece
                case Ended(cut):
                    return Answered(begun, bytes(text), cut)
                case Refused() as refused:
                    return refused

    async def _part(self) -> Part:
        assert self._process.stdout is not None
        head = await self._process.stdout.readexactly(HEAD.size)
        return part_of(head, await self._process.stdout.readexactly(length_of(head)))

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def end(self) -> int:
        """Its exit code: its own, where it ends by itself."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(END_SECONDS):
                return await self._process.wait()
        except TimeoutError:
            self.kill()
            return await self._process.wait()
