"""A workflow file's jobs as a plan has them: every template as it was written, every step with its index.

Nothing is evaluated here; which run or which call it is for is said in ``planning``.
"""

from libs.contracts import plan as contract
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

CallTargets = dict[str, str]
"""Of each job that calls a workflow its id, and the key of that workflow in the plan's `called`."""


def planned_jobs(workflow: Workflow, targets: CallTargets) -> tuple[contract.PlannedJob, ...]:
    return tuple(_job(job, targets.get(job.id, "")) for job in workflow.jobs)


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
        defaults=planned_defaults(job.defaults),
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


def planned_defaults(defaults: Defaults) -> contract.Defaults:
    return contract.Defaults(shell=defaults.shell, working_directory=defaults.working_directory)
