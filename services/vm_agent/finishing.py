"""Work that must come to its end though its task is cancelled, even twice: removing what was made, saying why."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine


async def to_the_end(work: Coroutine[object, object, None]) -> None:
    """Awaits bounded work; a cancellation that comes meanwhile is dropped, since the caller is ending already.

    For `finally` alone: what is in flight there goes on when this returns. Raises what the work raises.
    """
    task = asyncio.ensure_future(work)
    while not task.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.shield(task)
    task.result()
