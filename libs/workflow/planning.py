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
from libs.workflow.model import (
    Concurrency,
    Container,
    Data,
    Defaults,
    Environment,
    Job,
    Permissions,
    RunsOn,
    Step,
    Strategy,
    Workflow,
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


CallTargets = dict[str, str]
"""Of each job that calls a workflow its id, and the key of that workflow in the plan's `called`."""


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
        defaults=_defaults(workflow.defaults),
        inputs=dict(occasion.inputs),
        vars=occasion.vars,
        pull_request=occasion.pull_request,
        chain=occasion.chain,
        permissions=planned_permissions(workflow.permissions),
        concurrency=planned_concurrency(workflow.concurrency),
        called={key: called[key] for key in sorted(called)},
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
        defaults=_defaults(workflow.defaults),
        permissions=planned_permissions(workflow.permissions),
        concurrency=planned_concurrency(workflow.concurrency),
    )


def planned_jobs(workflow: Workflow, targets: CallTargets) -> tuple[contract.PlannedJob, ...]:
    return tuple(_job(job, targets.get(job.id, "")) for job in workflow.jobs)


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


def _job(job: Job, calls: str) -> contract.PlannedJob:
    return contract.PlannedJob(
        id=job.id,
        line=job.at.line,
        runs_on=_runs_on(job.runs_on),
        steps=planned_steps(job.steps),
        name=job.name or None,
        needs=job.needs,
        if_=job.condition,
        strategy=None if job.strategy is None else _strategy(job.strategy),
        env=job.env,
        defaults=_defaults(job.defaults),
        outputs=job.outputs,
        timeout_minutes=float(contract.DEFAULT_TIMEOUT_MINUTES) if job.timeout_minutes is None else job.timeout_minutes,
        continue_on_error=job.continue_on_error,
        cancel_timeout_minutes=job.cancel_timeout_minutes,
        concurrency=planned_concurrency(job.concurrency),
        environment=_environment(job.environment),
        container=_container(job.container),
        services=job.services
        if isinstance(job.services, str)
        else {name: _containers(service) for name, service in job.services.items()},
        permissions=planned_permissions(job.permissions),
        uses=job.uses,
        calls=calls,
        with_=job.with_,
        secrets=job.secrets,
    )


def _runs_on(runs_on: RunsOn) -> object:
    labels = runs_on.labels if isinstance(runs_on.labels, str) else list(runs_on.labels)
    return labels if runs_on.group is None else {"group": runs_on.group, "labels": labels}


def planned_permissions(permissions: Permissions | None) -> dict[str, str] | None:
    """`{"all": level}`, or the level of each scope that was named."""
    if permissions is None:
        return None
    return {"all": permissions.everything} if permissions.everything is not None else dict(permissions.scopes)


def planned_concurrency(concurrency: Concurrency | None) -> contract.Concurrency | None:
    if concurrency is None:
        return None
    return contract.Concurrency(concurrency.group, concurrency.cancel_in_progress, concurrency.queue)


def _environment(environment: Environment | None) -> contract.Environment | None:
    if environment is None:
        return None
    return contract.Environment(environment.name, environment.url, environment.deployment)


def _container(container: Container | None) -> contract.Container | None:
    return None if container is None else _containers(container)


def _containers(container: Container) -> contract.Container:
    credentials = container.credentials
    return contract.Container(
        image=container.image,
        env=container.env,
        ports=container.ports,
        volumes=container.volumes,
        options=container.options,
        credentials=None
        if credentials is None
        else contract.Credentials(username=credentials.username, password=credentials.password),
        entrypoint=container.entrypoint,
        command=container.command,
    )


def _strategy(strategy: Strategy) -> contract.Strategy:
    matrix = strategy.matrix
    return contract.Strategy(
        matrix=_matrix(matrix) if isinstance(matrix, dict) else matrix,
        fail_fast=strategy.fail_fast,
        max_parallel=strategy.max_parallel,
    )


def _matrix(matrix: dict[str, Data]) -> dict[str, object]:
    return dict(matrix.items())


WAIT_FOR_ALL = "Wait for all"
"""GitHub's name of a step that has only `wait-all`."""


def planned_steps(steps: tuple[Step, ...]) -> tuple[contract.PlannedStep, ...]:
    """The steps in order, each with its index. A `parallel` block becomes its steps, in the background, and a step that
    waits for them.
    """
    planned: list[contract.PlannedStep] = []
    indices: dict[str, int] = {}
    for step in steps:
        if not step.parallel:
            _append(planned, indices, step, background=step.background)
            continue
        first = len(planned)
        for inner in step.parallel:
            _append(planned, indices, inner, background=True)
        waited = tuple(range(first, len(planned)))
        planned.append(contract.PlannedStep(index=len(planned), line=step.at.line, name=step.name, wait=waited))
    return tuple(planned)


def _append(planned: list[contract.PlannedStep], indices: dict[str, int], step: Step, *, background: bool) -> None:
    wait: tuple[int, ...] | None = None
    if step.wait is not None:
        wait = tuple(indices[name.lower()] for name in step.wait if name.lower() in indices)
    elif step.wait_all is not None:
        wait = tuple(earlier.index for earlier in planned if earlier.background) if step.wait_all else ()
    if step.id is not None:
        indices[step.id.lower()] = len(planned)
    planned.append(
        contract.PlannedStep(
            index=len(planned),
            line=step.at.line,
            id=step.id,
            name=step.name or (WAIT_FOR_ALL if step.wait_all is not None else None),
            if_=step.condition,
            run=step.run,
            uses=step.uses,
            with_=step.with_,
            env=step.env,
            shell=step.shell,
            working_directory=step.working_directory,
            continue_on_error=step.continue_on_error,
            timeout_minutes=step.timeout_minutes,
            background=background,
            wait=wait,
            cancel=None if step.cancel is None else indices.get(step.cancel.lower()),
        )
    )


def _defaults(defaults: Defaults) -> contract.Defaults:
    return contract.Defaults(shell=defaults.shell, working_directory=defaults.working_directory)
