"""Asks bash whether a script can be read, without running any of it: on its standard input, with nothing around it."""

from __future__ import annotations

import asyncio
import contextlib

CHECK_SECONDS = 5.0
"""Reading half a kilobyte takes milliseconds; what takes longer is no script."""
_EMPTY = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}


async def syntax_error(script: str) -> str:
    """What bash says against it, empty where it takes it. Nothing is executed: `-n` reads and stops."""
    process = await asyncio.create_subprocess_exec(
        "bash",
        "--noprofile",
        "--norc",
        "-n",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env=_EMPTY,
        cwd="/",
    )
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            _, errors = await process.communicate(script.encode("utf-8", "replace") + b"\n")
    except TimeoutError:
        return f"bash did not read it within {CHECK_SECONDS:g} s"
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode == 0 and not errors:
        return ""
    return " ".join(errors.decode("utf-8", "replace").split())[:200] or f"bash ended with {process.returncode}"
