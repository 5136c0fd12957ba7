"""Blocking work beside the event loop, which is never abandoned: a cancelled caller waits until the thread is done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

Given = ParamSpec("Given")
Returned = TypeVar("Returned")


async def in_thread(work: Callable[Given, Returned], *args: Given.args, **kwargs: Given.kwargs) -> Returned:
    """Runs `work` in a thread. The caller's cancellation takes effect after it: two threads never have one database."""
    task = asyncio.ensure_future(asyncio.to_thread(work, *args, **kwargs))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
