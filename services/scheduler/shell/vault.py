"""What one job is given beyond its plan: secrets, and the variables of its environment. Read when its doorbell rings.

What it may have of it is decided by its trust, its environment and the calls that led to it (`grants`); code from a
fork gets none. Values go into the sealed box and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

import msgspec

from libs.bus.port import KeyValue
from libs.contracts.ids import JobKey
from libs.vault.key import NoKey
from libs.vault.scopes import BadEntry, Scope, of_environment, of_owner, of_repository
from libs.vault.secrets import CannotRead, Secrets
from libs.vault.variables import Variables
from libs.workflow.expressions import ExpressionError, HashFilesWanted
from services.scheduler.grants import secrets_of
from services.scheduler.run_state import Run

NO_SECRETS: Mapping[str, str] = MappingProxyType({})


class Granted(msgspec.Struct, frozen=True):
    """`problem`: why the job cannot have what it should; then it must not run."""

    secrets: Mapping[str, str] = NO_SECRETS
    vars: Mapping[str, str] = NO_SECRETS
    problem: str = ""


class Vault(Protocol):
    async def granted(self, run: Run, job: JobKey) -> Granted:
        """Raises BusDown."""
        ...


class GivenSecrets:
    """A local run brings its secrets along, and its environments have none of their own."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._secrets = secrets

    async def granted(self, run: Run, job: JobKey) -> Granted:
        return _through_calls(run, job, self._secrets, {})


class StoredSecrets:
    """What operators set. `key` None and a `NoKey` say why no secret can be read: only a job that has some minds."""

    def __init__(self, secrets: KeyValue, settings: KeyValue, key: bytes | NoKey) -> None:
        self._secrets = Secrets(secrets, None if isinstance(key, NoKey) else key)
        self._variables = Variables(settings)
        self._no_key = str(key) if isinstance(key, NoKey) else ""

    async def granted(self, run: Run, job: JobKey) -> Granted:
        repository, environment = run.plan.repository, run.jobs[job].environment
        own = of_environment(repository.id, environment) if environment else None
        try:
            vars = await self._variables.read(own) if own is not None else {}
            if run.plan.trust != "own":
                return Granted(vars=vars)
            shared = [await self._read(of_owner(repository.owner)), await self._read(of_repository(repository.id))]
            mine = await self._read(own) if own is not None else {}
        except (CannotRead, BadEntry) as error:
            return Granted(problem=str(error))
        found = _through_calls(run, job, {**shared[0], **shared[1]}, mine)
        return msgspec.structs.replace(found, vars=vars)

    async def _read(self, scope: Scope) -> dict[str, str]:
        if self._no_key and await self._secrets.names(scope):
            raise CannotRead(f"the secrets of {scope.shown} cannot be read: {self._no_key}")
        return {} if self._no_key else await self._secrets.read(scope)


def _through_calls(run: Run, job: JobKey, shared: Mapping[str, str], own: Mapping[str, str]) -> Granted:
    """A called job sees what its callers pass on; the secrets of its own environment are its own, as on GitHub."""
    try:
        return Granted({**secrets_of(run, run.jobs[job].job_id, shared), **own})
    except (ExpressionError, HashFilesWanted) as error:
        return Granted(problem=f"what its call passes on as `secrets` cannot be evaluated: {error}")
