"""A workflow file as frozen values: what was written, checked, with the places that messages and annotations need.

A value that may hold ``${{ }}`` keeps its text (``Template``); nothing here is evaluated. The model knows GitHub's
language as far as Firebreak runs it, and neither events nor runs.
"""

from typing import Literal

import msgspec

Template = str | int | float | bool | None
"""A scalar as the file has it; a string may hold ``${{ }}``."""
Data = str | int | float | bool | list["Data"] | dict[str, "Data"] | None
"""Anything that YAML can say; strings in it may hold ``${{ }}``."""

InputType = Literal["string", "boolean", "number", "choice", "environment"]
CallInputType = Literal["string", "boolean", "number"]
QueueKind = Literal["single", "max"]
PermissionLevel = Literal["read", "write", "none"]


class Position(msgspec.Struct, frozen=True):
    """1-based line and column in the workflow file."""

    line: int
    column: int


class PatternFilter(msgspec.Struct, frozen=True):
    """``branches``, ``tags`` or ``paths`` (``patterns``), or the same with ``-ignore`` (``ignored``); never both."""

    patterns: tuple[str, ...] | None = None
    ignored: tuple[str, ...] | None = None


class EventTrigger(msgspec.Struct, frozen=True):
    """One event of ``on``; a filter that is None was not written.

    ``types`` None means GitHub's default for the event. ``branches`` are those of a push, of a pull request's base, of
    a workflow run's head; ``workflows`` the names that ``workflow_run`` waits for; ``names`` and ``versions`` belong to
    ``image_version``.
    """

    types: tuple[str, ...] | None = None
    branches: PatternFilter | None = None
    tags: PatternFilter | None = None
    paths: PatternFilter | None = None
    workflows: tuple[str, ...] | None = None
    names: tuple[str, ...] | None = None
    versions: tuple[str, ...] | None = None


class Schedule(msgspec.Struct, frozen=True):
    """One entry of ``on.schedule``; ``timezone`` None is UTC."""

    at: Position
    cron: str
    timezone: str | None = None


class DispatchInput(msgspec.Struct, frozen=True):
    name: str
    type: InputType = "string"
    required: bool = False
    default: str | bool | float | None = None
    options: tuple[str, ...] = ()
    description: str = ""


class DispatchTrigger(msgspec.Struct, frozen=True):
    """``on.workflow_dispatch``."""

    inputs: tuple[DispatchInput, ...] = ()


class CallInput(msgspec.Struct, frozen=True):
    """``default`` None means GitHub's: false, 0 or the empty string; a string in it may hold ``${{ }}``."""

    name: str
    type: CallInputType
    required: bool = False
    default: Template = None
    description: str = ""


class CallSecret(msgspec.Struct, frozen=True):
    name: str
    required: bool = False
    description: str = ""


class CallOutput(msgspec.Struct, frozen=True):
    """``value`` is a template over ``jobs``."""

    name: str
    value: str
    description: str = ""


class CallTrigger(msgspec.Struct, frozen=True):
    """``on.workflow_call``: what the workflow asks of its callers and gives them."""

    inputs: tuple[CallInput, ...] = ()
    secrets: tuple[CallSecret, ...] = ()
    outputs: tuple[CallOutput, ...] = ()


class On(msgspec.Struct, frozen=True):
    """The events that a workflow listens to: those that bring filters of one shape, and the three that do not."""

    events: dict[str, EventTrigger] = {}
    schedule: tuple[Schedule, ...] = ()
    workflow_dispatch: DispatchTrigger | None = None
    workflow_call: CallTrigger | None = None

    def names(self) -> tuple[str, ...]:
        """Sorted."""
        others = {
            "schedule": bool(self.schedule),
            "workflow_dispatch": self.workflow_dispatch is not None,
            "workflow_call": self.workflow_call is not None,
        }
        return tuple(sorted([*self.events, *(name for name, written in others.items() if written)]))


class Permissions(msgspec.Struct, frozen=True):
    """``permissions``: a level for everything (``all``), or levels of scopes, the others being none."""

    everything: PermissionLevel | None = None
    scopes: dict[str, PermissionLevel] = {}


class Defaults(msgspec.Struct, frozen=True):
    """``defaults.run``."""

    shell: str | None = None
    working_directory: str | None = None


class Concurrency(msgspec.Struct, frozen=True):
    """``concurrency``: of the runs or jobs of one ``group`` one runs. ``queue`` is how many may wait: one, or 100."""

    at: Position
    group: str
    cancel_in_progress: bool | str = False
    queue: QueueKind | str = "single"


class Environment(msgspec.Struct, frozen=True):
    """``environment``; ``url`` is a template over what the job's steps made."""

    at: Position
    name: str
    url: str | None = None
    deployment: bool | str = True


class Credentials(msgspec.Struct, frozen=True):
    username: str
    password: str


class Container(msgspec.Struct, frozen=True):
    """``container`` or one of ``services``; only a service has ``entrypoint`` and ``command``. An image that comes to
    the empty string means no container.
    """

    at: Position
    image: str
    env: dict[str, Template] | str = {}
    ports: tuple[str, ...] | str = ()
    volumes: tuple[str, ...] | str = ()
    options: str = ""
    credentials: Credentials | None = None
    entrypoint: str = ""
    command: str = ""


class Snapshot(msgspec.Struct, frozen=True):
    """``snapshot``: an image made of the runner after the job."""

    at: Position
    image_name: str
    condition: str | None = None
    version: str | None = None


class Step(msgspec.Struct, frozen=True):
    """One step: exactly one of ``run``, ``uses``, ``wait``, ``wait_all``, ``cancel`` and ``parallel`` is set.

    ``wait`` are ids of background steps before it, ``cancel`` is one; ``wait_all`` False was written as such and waits
    for nothing. ``parallel`` steps run at once, and the job goes on when all have ended.
    """

    at: Position
    id: str | None = None
    name: str | None = None
    condition: str | None = None
    run: str | None = None
    uses: str | None = None
    with_: dict[str, Template] | str = {}
    env: dict[str, Template] | str = {}
    shell: str | None = None
    working_directory: str | None = None
    continue_on_error: bool | str = False
    timeout_minutes: float | str | None = None
    background: bool = False
    wait: tuple[str, ...] | None = None
    wait_all: bool | None = None
    cancel: str | None = None
    parallel: tuple["Step", ...] = ()


class Strategy(msgspec.Struct, frozen=True):
    """``matrix`` as written: a mapping with templates in it, or one template that gives the whole mapping."""

    at: Position
    matrix: dict[str, Data] | str | None = None
    fail_fast: bool | str = True
    max_parallel: float | str | None = None


class RunsOn(msgspec.Struct, frozen=True):
    """The labels that a host must have; ``labels`` is one template where it gives the whole list. ``group`` is the
    group of hosts to take one from.
    """

    at: Position
    labels: tuple[str, ...] | str
    group: str | None = None


class Job(msgspec.Struct, frozen=True):
    """One job: with steps on a host (``runs_on``), or one that calls a workflow (``uses``, ``with_``, ``secrets``).

    ``secrets`` is a mapping of templates or the word ``inherit``; None gives the called workflow none.
    """

    at: Position
    id: str
    runs_on: RunsOn
    steps: tuple[Step, ...]
    name: str | None = None
    needs: tuple[str, ...] = ()
    condition: str | None = None
    strategy: Strategy | None = None
    permissions: Permissions | None = None
    env: dict[str, Template] | str = {}
    defaults: Defaults = Defaults()
    outputs: dict[str, str] = {}
    timeout_minutes: float | str | None = None
    cancel_timeout_minutes: float | str | None = None
    continue_on_error: bool | str = False
    concurrency: Concurrency | None = None
    environment: Environment | None = None
    container: Container | None = None
    services: dict[str, Container] | str = {}
    snapshot: Snapshot | None = None
    uses: str | None = None
    uses_at: Position | None = None
    with_: dict[str, Template] = {}
    secrets: dict[str, Template] | Literal["inherit"] | None = None


class Workflow(msgspec.Struct, frozen=True):
    """``file`` is the path that problems name; ``name`` None means that the path is the name, as on GitHub."""

    file: str
    on: On
    jobs: tuple[Job, ...]
    name: str | None = None
    run_name: str | None = None
    run_name_at: Position | None = None
    permissions: Permissions | None = None
    concurrency: Concurrency | None = None
    env: dict[str, Template] | str = {}
    defaults: Defaults = Defaults()

    def job(self, identifier: str) -> Job | None:
        return next((job for job in self.jobs if job.id == identifier), None)
