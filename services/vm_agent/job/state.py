"""What a job knows while it runs, and the contexts made of it, with GitHub's words.

Architecture invariant: values in here are not masked, and never go anywhere but into expressions and the job's own
processes; whoever prints or records one masks it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from libs.contracts.orders import JobOrder
from libs.contracts.results import GITHUB, Result
from libs.workflow.expressions import CaseSensitive, Scope, Value, status_of_job
from libs.workflow.runner.artifacts import Subject
from libs.workflow.runner.files import prepend_paths
from services.vm_agent.job.places import Places
from services.vm_agent.job.recipe import Recipe

_NO_STRATEGY: dict[str, Value] = {"fail-fast": True, "job-index": 0, "job-total": 1, "max-parallel": 1}
"""The `strategy` of a job without a matrix."""


@dataclass(slots=True)
class JobState:
    order: JobOrder
    places: Places
    secrets: Mapping[str, str]
    runner: Mapping[str, Value]
    env: dict[str, str] = field(default_factory=dict[str, str])
    """Workflow and job level, and what steps added through `$GITHUB_ENV`."""
    paths: tuple[str, ...] = ()
    steps: dict[str, Value] = field(default_factory=dict[str, Value])
    failed: bool = False
    touched: bool = False
    """A step has run: the workspace may hold something."""
    cancelled: bool = False
    extra_steps: int = 0
    """Records of what no step of the plan is: each gets an index behind theirs."""
    artifacts: dict[str, Subject] = field(default_factory=dict[str, Subject])
    """What steps declared in `$GITHUB_ARTIFACTS`, by name."""
    job: dict[str, Value] = field(default_factory=dict[str, Value])
    """What the `job` context has of the job's containers."""
    said_characters: int = 0
    """Of all that steps have set."""
    recipes: list[Recipe] = field(default_factory=list[Recipe])
    """What ran so far, where somebody may keep it."""

    @property
    def status(self) -> str:
        """`job.status`."""
        if self.cancelled:
            return "cancelled"
        return "failure" if self.failed else "success"

    @property
    def debug(self) -> bool:
        """The repository asked for debug output, as on GitHub."""
        asked = self.secrets.get("ACTIONS_STEP_DEBUG") or self.order.vars.get("ACTIONS_STEP_DEBUG") or ""
        return asked.strip().lower() in {"true", "1"}

    @property
    def where(self) -> str:
        """The path of the workflow file that the job stands in, from `owner/name/path@ref` for the run's own."""
        if self.order.workflow is not None:
            return self.order.workflow.path
        workflow_ref = str(self.order.github.get("workflow_ref") or "")
        path = workflow_ref.partition("@")[0].partition("/")[2].partition("/")[2]
        return path or str(self.order.github.get("workflow") or "workflow")

    @property
    def workflow(self) -> dict[str, Value]:
        """Of the `job` context, which file the job stands in; `github.workflow_*` are of the run's own."""
        at, github = self.order.workflow, self.order.github
        if at is None:
            return {
                "workflow_ref": str(github.get("workflow_ref") or ""),
                "workflow_sha": str(github.get("workflow_sha") or ""),
                "workflow_repository": self.order.repository.full_name,
                "workflow_file_path": self.where,
            }
        return {
            "workflow_ref": f"{at.repository}/{at.path}@{at.ref}",
            "workflow_sha": at.sha,
            "workflow_repository": at.repository,
            "workflow_file_path": at.path,
        }

    def github(self, action: str, files: Mapping[str, str]) -> dict[str, Value]:
        """`action` is the step's name in `github.action`, `files` the step's runner files."""
        given = cast("dict[str, Value]", self.order.github)
        return {
            **given,
            "job": self.order.planned.id,
            "run_attempt": str(self.order.run_attempt),
            **({} if self.order.workflow is None else {"job_workflow_sha": self.order.workflow.sha}),
            "action": action,
            "workspace": self.places.workspace,
            "event_path": self.places.event,
            "token": self.secrets.get("GITHUB_TOKEN", ""),
            **files,
        }

    def scope(self, github: Mapping[str, Value], env: Mapping[str, str]) -> Scope:
        """Every context. `env` is the job's with the step's own on top."""
        order = self.order
        contexts: dict[str, Value] = {
            "github": dict(github),
            "env": CaseSensitive(env),
            "vars": dict(order.vars),
            "job": {"status": self.status, **self.workflow, **self.job},
            "steps": self.steps,
            "runner": dict(self.runner),
            "secrets": dict(self.secrets),
            "strategy": cast("dict[str, Value]", order.strategy) or _NO_STRATEGY,
            "matrix": cast("dict[str, Value] | None", order.matrix),
            "needs": cast("dict[str, Value]", order.needs),
            "inputs": cast("dict[str, Value]", order.inputs),
        }
        return Scope(contexts, status_of_job(self.status))

    def remember(self, id: str, outputs: Mapping[str, str], outcome: Result, conclusion: Result) -> None:
        """`steps.<id>`."""
        self.steps[id] = step_context(outputs, outcome, conclusion)

    def beyond_plan(self) -> int:
        """An index for the record of something around the planned steps, unique in this attempt."""
        self.extra_steps += 1
        return len(self.order.planned.steps) + self.extra_steps - 1

    def add_variables(self, variables: Mapping[str, str], paths: tuple[str, ...]) -> None:
        self.env.update(variables)
        self.paths = prepend_paths(self.paths, paths)


def step_context(outputs: Mapping[str, str], outcome: Result, conclusion: Result) -> dict[str, Value]:
    """What `steps.<id>` is. Names of outputs differ by more than case; a later spelling replaces the value alone."""
    named: dict[str, Value] = {}
    spelling: dict[str, str] = {}
    for name, value in outputs.items():
        named[spelling.setdefault(name.lower(), name)] = value
    return {"outputs": named, "outcome": GITHUB[outcome], "conclusion": GITHUB[conclusion]}
