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
    """One step. `index` is its place from 0; exactly one of `run` and `uses` is set; `line` is where it stands."""

    index: int
    line: int
    id: str | None = None
    name: str | None = None
    if_: str | None = msgspec.field(default=None, name="if")
    run: str | None = None
    uses: str | None = None
    with_: dict[str, Template] = msgspec.field(default_factory=dict, name="with")
    env: dict[str, Template] | str = {}
    shell: str | None = None
    working_directory: str | None = None
    continue_on_error: bool | str = False
    timeout_minutes: float | str | None = None


class Strategy(msgspec.Struct, frozen=True):
    """`matrix` is the mapping as written, with templates in it, or one template that gives the whole mapping."""

    matrix: JsonObject | str | None = None
    fail_fast: bool | str = True
    max_parallel: float | str | None = None


class PlannedJob(msgspec.Struct, frozen=True):
    """One job before its matrix is expanded. `runs_on` is a template, a list of them, or `{"labels": ...}`."""

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
    env: dict[str, Template] = {}
    defaults: Defaults = Defaults()
    inputs: JsonObject = {}
    vars: dict[str, str] = {}
    pull_request: int | None = None
    matrix_filter: dict[str, tuple[str, ...]] = {}
    """Of combinations that have such a key only those with one of its values run (`firebreak run --matrix`)."""
    format: int = PLAN_FORMAT
