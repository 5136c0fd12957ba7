"""The watchdog process: `python -m services.vm_agent.sandbox.watchdog PAUSE_AFTER_SECONDS [FOLDER]`, by `client`.

It ignores the signals that end its agent: it ends when the agent closes, or when the agent is gone and everything that
the agent ran has been killed and removed: what it was told of, and what the agent was still making in its FOLDER, told
to nobody yet. Only the standard library (see `footprint`).
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
import time
from pathlib import Path

from services.vm_agent.sandbox import standstill, sweep
from services.vm_agent.sandbox.footprint import Footprint
from services.vm_agent.sandbox.watchdog.guard import Guard

READ_BYTES = 64 * 1024
FIRST_TRY_SECONDS = 0.2
"""For each sandbox in the first round: one that does not stop must not hold up the others."""
LATER_TRY_SECONDS = 2.0
END_ROUNDS = 10
"""A minute at most: what hangs in the kernel for longer than that needs the next agent, or a person."""
AGENT_END_SECONDS = 5.0
FOLDER_ARGUMENT = 2


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    agent = os.getppid()
    guard = Guard(float(sys.argv[1]), time.monotonic())
    stand(guard)
    if guard.closed:
        return
    end_all(list(guard.sandboxes.values()))
    if len(sys.argv) > FOLDER_ARGUMENT:
        wait_for_the_end_of(agent)
        end_all(sweep.orphans(Path(sys.argv[FOLDER_ARGUMENT])))


def stand(guard: Guard) -> None:
    """Until the agent closes or is gone."""
    pending = b""
    first = True
    while not guard.closed:
        patience = guard.patience(time.monotonic())
        readable, _, _ = select.select([0], [], [], None if patience is None else max(patience, 0))
        if readable:
            data = os.read(0, READ_BYTES)
            if not data:
                return
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                guard.take(line, time.monotonic())
            first = True
        elif footprints := guard.due(time.monotonic()):
            pause(guard, footprints, FIRST_TRY_SECONDS if first else LATER_TRY_SECONDS)
            first = False


def pause(guard: Guard, footprints: list[Footprint], settle_seconds: float) -> None:
    stopped: set[str] = set()
    for footprint in footprints:
        try:
            standstill.pause(footprint, settle_seconds)
            stopped.add(footprint.id)
        except (standstill.StillRunning, OSError) as trouble:
            tell(trouble=str(trouble))
    tell(paused=sorted(stopped), after=round(guard.silence(time.monotonic()), 3))
    guard.paused(stopped, time.monotonic())


def end_all(footprints: list[Footprint]) -> None:
    """All are killed before the first one's files are removed; what resists is tried again, then left to a sweep."""
    for footprint in footprints:
        with contextlib.suppress(standstill.StillRunning, OSError):
            standstill.kill(footprint)
    for _ in range(END_ROUNDS):
        footprints = [footprint for footprint in footprints if not is_destroyed(footprint)]
        if not footprints:
            return
        time.sleep(1)


def wait_for_the_end_of(agent: int) -> None:
    """Its pipe closes a moment before it is gone, and until then it counts as the owner of what it made."""
    deadline = time.monotonic() + AGENT_END_SECONDS
    while os.getppid() == agent and time.monotonic() < deadline:
        time.sleep(0.02)


def is_destroyed(footprint: Footprint) -> bool:
    try:
        standstill.destroy(footprint)
    except (standstill.StillRunning, OSError):
        return False
    return True


def tell(**fields: object) -> None:
    """To the agent, if it still listens and has room; it may be standing still."""
    with contextlib.suppress(OSError):
        os.write(1, json.dumps(fields).encode() + b"\n")


if __name__ == "__main__":
    main()
