"""What a local run changes in a plan before it is stored: fewer jobs, more variables, and whose code it is. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from msgspec.structs import replace

from libs.contracts.plan import Plan, PlannedJob, Template


@dataclass(frozen=True, slots=True)
class Choice:
    """`jobs` are ids; what they need runs too. `env` lies under the workflow's own."""

    jobs: tuple[str, ...] = ()
    matrix: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    env: Mapping[str, str] = field(default_factory=dict[str, str])

    def adjust(self, plan: Plan) -> Plan:
        """A person runs a directory of their own, whatever a payload says of forks: the code is trusted as theirs."""
        return replace(
            plan,
            jobs=chosen(plan.jobs, self.jobs),
            env=self._under(plan.env),
            matrix_filter=dict(self.matrix),
            trust="own",
        )

    def _under(self, env: dict[str, Template] | str) -> dict[str, Template] | str:
        """Raises BadChoice where the whole of the workflow's `env` is one expression: nothing can lie under that."""
        if isinstance(env, dict):
            return {**self.env, **env}
        if self.env:
            raise BadChoice("--env: the workflow's `env` is one expression, and variables cannot be put under it")
        return env


class BadChoice(Exception):
    """What was chosen does not go with this workflow."""


def chosen(jobs: tuple[PlannedJob, ...], ids: tuple[str, ...]) -> tuple[PlannedJob, ...]:
    """These jobs and all that they need, in the file's order; all of them where none is named."""
    if not ids:
        return jobs
    by_id = {job.id: job for job in jobs}
    wanted: set[str] = set()
    pending = [job_id for job_id in ids if job_id in by_id]
    while pending:
        job_id = pending.pop()
        if job_id not in wanted and job_id in by_id:
            wanted.add(job_id)
            pending.extend(by_id[job_id].needs)
    return tuple(job for job in jobs if job.id in wanted)
