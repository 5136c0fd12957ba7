"""Whether a guest still answers: a VMM that runs proves nothing, its guest may hang, or reclaim memory for ever.

Asked while a job runs and while a machine waits in a pool. A machine that was stopped on purpose is not asked to hurry.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from services.vm_agent.sandbox.guest.channel import Channel
from services.vm_agent.sandbox.protocol import SandboxError

PING_SECONDS = 5.0
LOOK_SECONDS = 10.0
LOOKS = 3
"""In a row without an answer. Several short ones instead of a long one: an agent that was itself stopped for an hour
finds the answer at its next look."""
SILENCE_SECONDS = LOOK_SECONDS * LOOKS
UNHURRIED_SECONDS = 24 * 3600.0
"""Of the question itself; the looks bound it."""


async def watch(channel: Channel, stands_still: Callable[[], bool], look_seconds: float = LOOK_SECONDS) -> None:
    """Returns when the channel has ended, which it does itself where no answer comes."""
    while channel.lost is None:
        await asyncio.sleep(min(PING_SECONDS, look_seconds))
        answer = asyncio.ensure_future(channel.ping(os.urandom(16), UNHURRIED_SECONDS))
        try:
            looks = 0
            while looks < LOOKS and not answer.done():
                await asyncio.wait({answer}, timeout=look_seconds)
                looks = 0 if stands_still() else looks + 1
            if not answer.done():
                channel.give_up(f"the guest did not answer for {look_seconds * LOOKS:g} s: it hangs")
                return
            answer.result()
            channel.look_for_ignored()
        except SandboxError:
            return
        finally:
            answer.cancel()
