"""The agent's end of a job's matching process: started when first asked, killed when it does not answer.

Whatever happens to it is no harm to the job: without it lines make no annotations, and that is said.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from pathlib import Path
from typing import cast

from services.vm_agent.log.matching.frames import FRAME_BYTES, LENGTH, frame

ANSWER_SECONDS = 60.0
"""For one block of lines: it takes milliseconds, and on a host that starts a hundred jobs at once seconds."""
ROOT = Path(__file__).resolve().parents[4]


class MatchingLost(Exception):
    """The process is gone, hangs, or speaks nonsense."""


class MatchingProcess:
    def __init__(self, *, answer_seconds: float = ANSWER_SECONDS) -> None:
        self._answer_seconds = answer_seconds
        self._process: asyncio.subprocess.Process | None = None
        self._order = asyncio.Lock()
        self._lost = False

    async def ask(self, **request: object) -> dict[str, object]:
        """Raises MatchingLost, now and ever after."""
        async with self._order:
            if self._lost:
                raise MatchingLost("it is gone")
            try:
                async with asyncio.timeout(self._answer_seconds):
                    return await self._asked(request)
            except (OSError, EOFError, ValueError) as error:
                await self._kill()
                raise MatchingLost(f"{type(error).__name__}: {error}") from None
            except asyncio.CancelledError:
                # Its answer would be taken for that of the next question.
                await self._kill()
                raise

    async def close(self) -> None:
        """It is gone afterwards; idempotent."""
        await self._kill()

    async def _asked(self, request: dict[str, object]) -> dict[str, object]:
        if self._process is None:
            self._process = await self._start()
        writing, reading = self._process.stdin, self._process.stdout
        assert writing is not None
        assert reading is not None
        writing.write(frame(request))
        await writing.drain()
        size = cast("int", LENGTH.unpack(await reading.readexactly(LENGTH.size))[0])
        if size > FRAME_BYTES:
            raise ValueError(f"an answer of {size} bytes")
        return cast("dict[str, object]", json.loads(await reading.readexactly(size)))

    async def _start(self) -> asyncio.subprocess.Process:
        # Neither the agent's environment nor its site-packages: it must start fast, and has nothing to know.
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-E", "-s", "-S", "-m", f"{__package__}"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            cwd=ROOT,
            env={},
            start_new_session=True,
        )

    async def _kill(self) -> None:
        self._lost = True
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        if process.stdin is not None:
            process.stdin.close()
