"""The scheduler as a process.

*Consumes:* `ev.run.>`, `ev.attempt.>`, `ev.host.*` (folded), `hb.*`, `cmd.run.*`, `timer.due.>`.
*Emits:* events of runs; `AttemptLost`; doorbells and orders to stop on `job.<host_id>`; timers.
*Owns:* the runs' subjects after their first commit, `CHECKPOINTS`/scheduler, `ACTIVE`/scheduler.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from libs import process
from libs.process import Process
from services.scheduler.policy import SERVICE, Policy
from services.scheduler.shell.performer import NO_SECRETS
from services.scheduler.shell.service import Scheduler


async def serve(process: Process, policy: Policy = SERVICE, secrets: Mapping[str, str] = NO_SECRETS) -> None:
    """Until cancelled. A local run's policy is `services.scheduler.policy.LOCAL`, and it brings its `secrets`, which
    every job gets: nobody else may.
    """
    await Scheduler(process, name=os.urandom(4).hex(), policy=policy, secrets=secrets).run()


def main() -> None:
    process.main("scheduler", serve)


if __name__ == "__main__":
    main()
