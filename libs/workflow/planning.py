"""A workflow and one event to the plan that the scheduler and the agents run.

The conversion is pure and gives the same plan for the same arguments, byte for byte. Nothing is evaluated here but
``run-name``, whose contexts the event fixes; every other template goes along as it was written. Which commit runs, who
is trusted and what the ``github`` context holds is decided before, by whoever knows the payload.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from libs.contracts import plan as contract
from libs.contracts.ids import RunId
from libs.workflow.expressions import ExpressionError, Scope, Value, availability_of, evaluate_text
from libs.workflow.model import Workflow
from libs.workflow.planned_jobs import (
    CallTargets,
    planned_concurrency,
    planned_defaults,
    planned_jobs,
    planned_permissions,
)
from libs.workflow.problems import Problem

no_calls: Final[dict[str, str]] = {}
nothing_called: Final[dict[str, contract.CalledWorkflow]] = {}
run_name_characters = 1000  # A name is shown in lists; a commit message can be megabytes.


class Occasion(msgspec.Struct, frozen=True):
    """What the event fixes.

    ``title`` is what GitHub shows without a ``run-name``: the head commit's message or the pull request's title,
    and empty means the workflow's name.
    """

    run_id: RunId
    run_number: int
    repository: contract.Repository
    event: str
    sha: str
    ref: str
    trust: contract.Trust
    actor: str
    github: dict[str, Value]
    title: str = ""
    inputs: dict[str, Value] = {}
    vars: dict[str, str] = {}
    pull_request: int | None = None
    chain: int = 0
    lockfiles: tuple[str, ...] = ()


class WorkflowPlace(msgspec.Struct, frozen=True):
    """Where a called workflow was found; `ref` is the full one where there is one."""

    repository: str
    path: str
    ref: str
    sha: str


class RunNameError(ValueError):
    """``run-name`` cannot be evaluated for this event; ``problem`` says where and why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.render())
        self.problem = problem


def make_plan(
    workflow: Workflow,
    occasion: Occasion,
    targets: CallTargets = no_calls,
    called: Mapping[str, contract.CalledWorkflow] = nothing_called,
) -> contract.Plan:
    """``workflow.file`` must be the path in the repository. ``targets`` are the calls of its own jobs, ``called`` all
    workflows that are called from it on. Raises ``RunNameError``.
    """
    return contract.Plan(
        run_id=occasion.run_id,
        run_number=occasion.run_number,
        repository=occasion.repository,
        event=occasion.event,
        sha=occasion.sha,
        ref=occasion.ref,
        workflow_path=workflow.file,
        workflow_name=workflow_name(workflow),
        run_name=_run_name(workflow, occasion),
        trust=occasion.trust,
        actor=occasion.actor,
        jobs=planned_jobs(workflow, targets),
        github=dict(occasion.github),
        env=workflow.env,
        defaults=planned_defaults(workflow.defaults),
        inputs=dict(occasion.inputs),
        vars=occasion.vars,
        pull_request=occasion.pull_request,
        chain=occasion.chain,
        permissions=planned_permissions(workflow.permissions),
        concurrency=planned_concurrency(workflow.concurrency),
        called={key: called[key] for key in sorted(called)},
        lockfiles=occasion.lockfiles,
    )


def called_workflow(workflow: Workflow, place: WorkflowPlace, targets: CallTargets) -> contract.CalledWorkflow:
    """A workflow that a job calls; ``targets`` are those that it calls in turn. It must have ``workflow_call``."""
    trigger = workflow.on.workflow_call
    assert trigger is not None
    return contract.CalledWorkflow(
        repository=place.repository,
        path=place.path,
        ref=place.ref,
        sha=place.sha,
        name=workflow_name(workflow),
        jobs=planned_jobs(workflow, targets),
        inputs={each.name: contract.CalledInput(each.type, each.required, each.default) for each in trigger.inputs},
        secrets={each.name: each.required for each in trigger.secrets},
        outputs={each.name: each.value for each in trigger.outputs},
        env=workflow.env,
        defaults=planned_defaults(workflow.defaults),
        permissions=planned_permissions(workflow.permissions),
        concurrency=planned_concurrency(workflow.concurrency),
    )


def workflow_name(workflow: Workflow) -> str:
    """The name, or the path where there is none, as on GitHub: also ``github.workflow``."""
    return workflow.name or workflow.file


def _run_name(workflow: Workflow, occasion: Occasion) -> str:
    default = occasion.title.strip().split("\n", 1)[0] or workflow_name(workflow)
    name = "" if workflow.run_name is None else _evaluate_run_name(workflow, workflow.run_name, occasion)
    return (name.strip() or default)[:run_name_characters]


def _evaluate_run_name(workflow: Workflow, run_name: str, occasion: Occasion) -> str:
    contexts: dict[str, Value] = {
        "github": occasion.github,
        "inputs": occasion.inputs,
        "vars": dict[str, Value](occasion.vars),
    }
    try:
        return evaluate_text(run_name, Scope(contexts=contexts), availability_of("run-name"))
    except ExpressionError as error:
        at = workflow.run_name_at
        line, column = (at.line, at.column) if at is not None else (1, 1)
        raise RunNameError(
            Problem(workflow.file, line, column, f"`run-name` cannot be evaluated: {error.reason}", key_path="run-name")
        ) from None
