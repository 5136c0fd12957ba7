"""Runs a small internal command in a sandbox and returns what it printed, up to a bound."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence

from services.vm_agent.sandbox.protocol import Exit, FileTrouble, Sandbox

OUTPUT_BYTES = 8 * 1024**2
"""Internal commands answer with paths and digests; more than this is something else."""


async def run(
    sandbox: Sandbox,
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: str | None = None,
    limit_bytes: int = OUTPUT_BYTES,
    user: str | None = None,
) -> tuple[Exit, bytes]:
    """How it ended and its merged output. Raises CannotStart, SandboxLost, and FileTrouble where it prints too much."""
    printed = bytearray()

    async def keep(data: bytes) -> None:
        if len(printed) + len(data) > limit_bytes:
            raise FileTrouble(f"{argv[0]} printed more than {limit_bytes} bytes")
        printed.extend(data)

    process = await sandbox.exec(argv, env=env or {}, cwd=cwd or sandbox.paths.work, output=keep, user=user)
    try:
        return await process.wait(), bytes(printed)
    except BaseException:
        await process.signal(signal.SIGKILL)
        raise
