"""A process that stands for an agent: one sandbox with a busy job, one watchdog. The tests stop it and kill it.

`told` other than "told": the watchdog has not heard of the sandbox yet, as while it is being made.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from services.vm_agent.sandbox.watchdog.client import Watchdog
from tests.contract.sandbox.conftest import DRIVERS, MachineDriver, new_spec

BUSY = "setsid bash -c 'while :; do :; done' > /dev/null & while :; do sleep 0.01; done"


async def ignore(data: bytes) -> None:
    pass


def say(**fields: object) -> None:
    print(json.dumps(fields), flush=True)


async def main(driver: str, folder: str, pause_after_seconds: str, templates: str, told: str = "told") -> None:
    MachineDriver.templates = Path(templates)
    made = DRIVERS[driver](Path(folder))
    probe = await made.probe()
    if not probe.works:
        say(cannot=probe.why)
        return
    sandbox = made.create(new_spec())
    await sandbox.start()
    await sandbox.exec(["bash", "-c", BUSY], env={}, cwd=sandbox.paths.work, output=ignore)
    watchdog = Watchdog(
        on_paused=lambda seconds: say(paused=seconds),
        on_trouble=lambda text: say(trouble=text),
        pause_after_seconds=float(pause_after_seconds),
        beat_seconds=0.1,
        folder=Path(folder),
    )
    await watchdog.start()
    if told == "told":
        watchdog.register(sandbox)
    await asyncio.sleep(0.3)
    say(footprint=sandbox.footprint._asdict(), watchdog=watchdog.pid)
    while command := await asyncio.to_thread(sys.stdin.readline):
        if command == "resume\n":
            await watchdog.resume_all()
        say(did=command.strip(), watchdog=watchdog.pid)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
