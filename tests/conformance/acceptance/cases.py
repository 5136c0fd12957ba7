"""The tables of this folder as cases: a piece of a workflow, and the errors that it has, each at its place.

A case has its text under the place where it stands: `workflow` (the whole file), `top` (keys of the workflow), `events`
(what `on` holds), `jobs`, `job` (keys of a sound job), `step` (keys of a sound step). `errors` are
`line:column: part of the message`, counted in the whole file, in its order. Without them the workflow is accepted, with
`warnings` of the same form.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import msgspec
import yaml

from tests.unit.libs.workflow.workflows import with_job, with_jobs, with_on, with_step, with_top

FOLDER = Path(__file__).parent


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    row: str
    workflow: str = ""
    top: str = ""
    events: str = ""
    jobs: str = ""
    job: str = ""
    step: str = ""
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        if self.workflow:
            return self.workflow
        if self.top:
            return with_top(self.top.rstrip("\n"))
        if self.events:
            return with_on(self.events.rstrip("\n"))
        if self.jobs:
            return with_jobs(self.jobs.rstrip("\n"))
        return with_job(self.job.rstrip("\n")) if self.job else with_step(self.step.rstrip("\n"))


@lru_cache(maxsize=1)
def cases() -> dict[str, Case]:
    """By the file's name and their own. Raises ValueError where a name is there twice."""
    found: dict[str, Case] = {}
    for path in sorted(FOLDER.glob("*.yaml")):
        for case in msgspec.convert(yaml.load(path.read_text(), yaml.CSafeLoader), list[Case]):
            name = f"{path.stem}: {case.name}"
            if name in found:
                raise ValueError(f"{name!r} is there twice")
            found[name] = case
    return found
