"""The scheduler as a process.

*Consumes:* `ev.run.>`, `ev.attempt.>`, `ev.host.*`, `ev.group.>` (folded),
`ev.advice.*` and `ev.workflow.*.opt-ins` (the last of each), `hb.*`, `cmd.run.*`, `timer.due.>`; the
buckets `SETTINGS` and `SECRETS`.
*Emits:* events of runs and groups; `AttemptLost`; doorbells and orders to stop on `job.<host_id>`; timers.
*Owns:* the runs' subjects after their first commit, the groups', `CHECKPOINTS`/scheduler, `ACTIVE`/scheduler.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from libs import process
from libs.contracts.subjects import SECRETS, SETTINGS
from libs.process import Process
from libs.vault.key import NoKey, read_key
from services.scheduler.policy import SERVICE, Policy
from services.scheduler.shell.service import Scheduler
from services.scheduler.shell.vault import GivenSecrets, StoredSecrets, Vault


async def serve(process: Process, policy: Policy = SERVICE, secrets: Mapping[str, str] | None = None) -> None:
    """Until cancelled. A local run's policy is `services.scheduler.policy.LOCAL`, and it brings its `secrets`, which
    every job gets: nobody else may.
    """
    vault = _stored(process) if secrets is None else GivenSecrets(secrets)
    await Scheduler(process, name=os.urandom(4).hex(), policy=policy, vault=vault).run()


def _stored(process: Process) -> Vault:
    bus, settings = process.bus, process.settings
    try:
        key: bytes | NoKey = read_key(settings.secrets_key, settings.home)
    except NoKey as error:
        key = error
    return StoredSecrets(bus.key_value(SECRETS), bus.key_value(SETTINGS), key)


def main() -> None:
    process.main("scheduler", serve)


if __name__ == "__main__":
    main()
