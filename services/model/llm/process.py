"""The service's end of the worker process: started when first asked, killed when late, ended when nobody asks for long.

It knows no prompt and no event, and does not import litellm.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Mapping
from functools import partial

import msgspec

from libs.children import die_with_parent
from services.model.llm.environment import worker_environment
from services.model.llm.wire import LINE_BYTES, Call, Ready, Reply, Said, Silent, decode_reply, encode

START_SECONDS = 120.0
"""Importing litellm takes three seconds of a processor, ten when its bytecode is made, longer on a busy machine."""
GRACE_SECONDS = 2.0
"""Beyond a question's own deadline, which the worker keeps where it can: after this it is killed."""
IDLE_SECONDS = 300.0
"""A worker holds 250 MB."""
LITELLM_MISSING = "litellm is not installed; it comes with the extra `model`: pip install 'firebreak[model]'"


class WorkerProcess:
    """One question at a time: the caller sees to that."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = os.environ if environment is None else environment
        self._process: asyncio.subprocess.Process | None = None
        self._home = ""
        self._idle: asyncio.TimerHandle | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    async def ask(self, call: Call) -> Said | Silent:
        """Never raises but when cancelled; the worker does not outlive that."""
        self._stay()
        if importlib.util.find_spec("litellm") is None:
            return Silent("down", LITELLM_MISSING)
        answered = False
        try:
            reply = await self._ask(call)
            answered = True
        except TimeoutError:
            return Silent("slow", f"there was no answer within {call.seconds:g} s, and whoever waited for it is ended")
        except (OSError, ValueError, msgspec.MsgspecError, EOFError) as error:
            return Silent("down", f"the process that asks has ended: {error}"[:300])
        finally:
            if not answered:
                await self.close()
        self._idle = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._kill)
        return reply

    async def _ask(self, call: Call) -> Said | Silent:
        process = self._process
        if process is None or process.returncode is not None:
            async with asyncio.timeout(START_SECONDS):
                process = await self._start()
        assert process.stdin is not None
        async with asyncio.timeout(call.seconds + GRACE_SECONDS):
            process.stdin.write(encode(call) + b"\n")
            await process.stdin.drain()
            reply = await _reply(process)
        if isinstance(reply, Ready):
            raise ValueError("it answered out of turn")
        return reply

    async def _start(self) -> asyncio.subprocess.Process:
        await self.close()
        self._home = tempfile.mkdtemp(prefix="firebreak-model-")
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-m",
            "services.model.llm.worker",
            cwd=self._home,
            env=worker_environment(self._environment, self._home),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=LINE_BYTES,
            start_new_session=True,
            preexec_fn=partial(die_with_parent, signal.SIGKILL),
        )
        if not isinstance(await _reply(self._process), Ready):
            raise ValueError("it answered before it was asked")
        return self._process

    def _stay(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    def _kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def close(self) -> None:
        self._stay()
        self._kill()
        if self._process is not None:
            await self._process.wait()
            self._process = None
        if self._home:
            shutil.rmtree(self._home, ignore_errors=True)
            self._home = ""


async def _reply(process: asyncio.subprocess.Process) -> Reply:
    assert process.stdout is not None
    line = await process.stdout.readline()
    if not line.endswith(b"\n"):
        raise EOFError(f"it ended with {await process.wait()}")
    return decode_reply(line)
