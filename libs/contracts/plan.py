"""What is to run: one workflow file at one commit for one event, made by the parser and never changed afterwards.

The same delivery parsed twice gives the same plan, byte for byte: it holds no time, no advice and nothing random.
Values that may hold `${{ }}` are templates and are evaluated where their contexts are known: a job's by the scheduler
(`name`, `if`, `runs-on`, `strategy`, `timeout-minutes`, `continue-on-error`), a step's and a job's `env`, `outputs` and
`defaults` by the agent. All of them were parsed and checked before the plan was made.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from libs.contracts.ids import RepositoryId, RunId

Template = str | int | float | bool | None
"""A scalar of the workflow file; a string may hold `${{ }}`."""
JsonObject = dict[str, object]
Trust = Literal["own", "fork"]
"""`fork`: code from outside the repository; unknown is `fork`."""

PLAN_FORMAT = 1
DEFAULT_TIMEOUT_MINUTES = 360
"""GitHub's limit for a job that names none."""


class Repository(msgspec.Struct, frozen=True):
    """`clone_url` is what the payload named; `full_name` is `owner/name` as GitHub spells it."""

    id: RepositoryId
    owner: str
    name: str
    clone_url: str = ""
    default_branch: str = ""
    private: bool = False

    @property
    def full_name(self) -> str:
        return f"{self.owner}/{self.name}"


class Defaults(msgspec.Struct, frozen=True):
    """`defaults.run`."""

    shell: str | None = None
    working_directory: str | None = None


class PlannedStep(msgspec.Struct, frozen=True):
    """One step. `index` is its place from 0 and `line` where it stands; exactly one of `run`, `uses`, `wait` and
    `cancel` is set. The steps of a `parallel` block are steps of their own here, `background`, and one that waits.
    """

    index: int
    line: int
    id: str | None = None
    name: str | None = None
    if_: str | None = msgspec.field(default=None, name="if")
    run: str | None = None
    uses: str | None = None
    with_: dict[str, Template] | str = msgspec.field(default_factory=dict, name="with")
    env: dict[str, Template] | str = {}
    shell: str | None = None
    working_directory: str | None = None
    continue_on_error: bool | str = False
    timeout_minutes: float | str | None = None
    background: bool = False
    """The next step does not wait for it."""
    wait: tuple[int, ...] | None = None
    """It does nothing but wait for these steps; `run` and `uses` are unset then."""
    cancel: int | None = None
    """It does nothing but end this background step."""


class Concurrency(msgspec.Struct, frozen=True):
    """Of the runs or jobs of one group one runs; `queue` is `single` (one waits) or `max` (100 do)."""

    group: str
    cancel_in_progress: bool | str = False
    queue: str = "single"


class Environment(msgspec.Struct, frozen=True):
    """`url` is evaluated by the agent at the job's end; `deployment` false makes no record of a deployment."""

    name: str
    url: str | None = None
    deployment: bool | str = True


class Credentials(msgspec.Struct, frozen=True):
    username: str
    password: str


class Container(msgspec.Struct, frozen=True):
    """The job's container, or a service beside it (only that has `entrypoint` and `command`)."""

    image: str
    env: dict[str, Template] | str = {}
    ports: tuple[str, ...] | str = ()
    volumes: tuple[str, ...] | str = ()
    options: str = ""
    credentials: Credentials | None = None
    entrypoint: str = ""
    command: str = ""


class Strategy(msgspec.Struct, frozen=True):
    """`matrix` is the mapping as written, with templates in it, or one template that gives the whole mapping."""

    matrix: JsonObject | str | None = None
    fail_fast: bool | str = True
    max_parallel: float | str | None = None


class PlannedJob(msgspec.Struct, frozen=True):
    """One job before its matrix is expanded. `runs_on` is a template, a list of them, or `{"labels", "group"}`.

    A job with `uses` calls a workflow and has no steps: `calls` names it in the plan's `called`, `with` are its inputs,
    `secrets` what it is given: a mapping of templates, the word `inherit`, or nothing.
    `permissions` None leaves those of the workflow; a scope that is not named is `none`.
    """

    id: str
    line: int
    runs_on: object
    steps: tuple[PlannedStep, ...]
    name: str | None = None
    needs: tuple[str, ...] = ()
    if_: str | None = msgspec.field(default=None, name="if")
    strategy: Strategy | None = None
    env: dict[str, Template] | str = {}
    defaults: Defaults = Defaults()
    outputs: dict[str, str] = {}
    timeout_minutes: float | str = DEFAULT_TIMEOUT_MINUTES
    continue_on_error: bool | str = False
    cancel_timeout_minutes: float | str | None = None
    concurrency: Concurrency | None = None
    environment: Environment | None = None
    container: Container | None = None
    services: dict[str, Container] | str = {}
    permissions: dict[str, str] | None = None
    uses: str | None = None
    calls: str = ""
    with_: dict[str, Template] = msgspec.field(default_factory=dict, name="with")
    secrets: dict[str, Template] | str | None = None


class CalledInput(msgspec.Struct, frozen=True):
    """`type` is `string`, `boolean` or `number`; `default` may be a template."""

    type: str
    required: bool = False
    default: Template = None


class CalledWorkflow(msgspec.Struct, frozen=True):
    """A workflow that a job calls, at one commit. `secrets` says of each declared one whether it is required;
    `outputs` are templates over `jobs`. `ref` is what the caller wrote, or its own commit.
    """

    repository: str
    path: str
    ref: str
    sha: str
    name: str
    jobs: tuple[PlannedJob, ...]
    inputs: dict[str, CalledInput] = {}
    secrets: dict[str, bool] = {}
    outputs: dict[str, str] = {}
    env: dict[str, Template] | str = {}
    defaults: Defaults = Defaults()
    permissions: dict[str, str] | None = None
    concurrency: Concurrency | None = None


class Plan(msgspec.Struct, frozen=True):
    """`github` is the context of that name as far as the event fixes it, the payload in `github.event` included;
    the agent adds what depends on the job (`job`, `action`, `workspace`, `token`). `sha` is the commit that runs.
    """

    run_id: RunId
    run_number: int
    repository: Repository
    event: str
    sha: str
    ref: str
    workflow_path: str
    workflow_name: str
    run_name: str
    trust: Trust
    actor: str
    jobs: tuple[PlannedJob, ...]
    github: JsonObject
    env: dict[str, Template] | str = {}
    defaults: Defaults = Defaults()
    inputs: JsonObject = {}
    vars: dict[str, str] = {}
    pull_request: int | None = None
    matrix_filter: dict[str, tuple[str, ...]] = {}
    """Of combinations that have such a key only those with one of its values run (`firebreak run --matrix`)."""
    permissions: dict[str, str] | None = None
    concurrency: Concurrency | None = None
    called: dict[str, CalledWorkflow] = {}
    """By `owner/name/path@commit`: every workflow that a job of this plan, or of one of these, calls."""
    chain: int = 0
    """How many runs in a row led to this one by `workflow_run`; 0 where something else did."""
    lockfiles: tuple[str, ...] = ()
    """Files of the commit's root that fix what a package manager installs."""
    trial: str = ""
    """The proposal of a model that this run tries out: its result is neutral and decides nothing."""
    format: int = PLAN_FORMAT
