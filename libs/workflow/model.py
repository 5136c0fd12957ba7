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
PermissionLevel = Literal["read", "write", "none"]


class Position(msgspec.Struct, frozen=True):
    """1-based line and column in the workflow file."""

    line: int
    column: int


class PatternFilter(msgspec.Struct, frozen=True):
    """``branches``, ``tags`` or ``paths`` (``patterns``), or the same with ``-ignore`` (``ignored``); never both."""

    patterns: tuple[str, ...] | None = None
    ignored: tuple[str, ...] | None = None


class PushTrigger(msgspec.Struct, frozen=True):
    """``on.push``; a filter that is None was not written."""

    branches: PatternFilter | None = None
    tags: PatternFilter | None = None
    paths: PatternFilter | None = None


class PullRequestTrigger(msgspec.Struct, frozen=True):
    """``on.pull_request``; ``types`` None means GitHub's default, ``branches`` are those of the base."""

    types: tuple[str, ...] | None = None
    branches: PatternFilter | None = None
    paths: PatternFilter | None = None


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


class On(msgspec.Struct, frozen=True):
    """The events that a workflow listens to; None where it does not."""

    push: PushTrigger | None = None
    pull_request: PullRequestTrigger | None = None
    workflow_dispatch: DispatchTrigger | None = None

    def names(self) -> tuple[str, ...]:
        return tuple(name for name in self.__struct_fields__ if getattr(self, name) is not None)


class Permissions(msgspec.Struct, frozen=True):
    """``permissions``: a level for everything (``all``), or levels of scopes, the others being none."""

    everything: PermissionLevel | None = None
    scopes: dict[str, PermissionLevel] = {}


class Defaults(msgspec.Struct, frozen=True):
    """``defaults.run``."""

    shell: str | None = None
    working_directory: str | None = None


class Step(msgspec.Struct, frozen=True):
    """One step; exactly one of ``run`` and ``uses`` is set."""

    at: Position
    id: str | None = None
    name: str | None = None
    condition: str | None = None
    run: str | None = None
    uses: str | None = None
    with_: dict[str, Template] = {}
    env: dict[str, Template] | str = {}
    shell: str | None = None
    working_directory: str | None = None
    continue_on_error: bool | str = False
    timeout_minutes: float | str | None = None


class Strategy(msgspec.Struct, frozen=True):
    """``matrix`` as written: a mapping with templates in it, or one template that gives the whole mapping."""

    at: Position
    matrix: dict[str, Data] | str | None = None
    fail_fast: bool | str = True
    max_parallel: float | str | None = None


class RunsOn(msgspec.Struct, frozen=True):
    """The labels that a host must have; ``labels`` is one template where it gives the whole list."""

    at: Position
    labels: tuple[str, ...] | str


class Job(msgspec.Struct, frozen=True):
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
    continue_on_error: bool | str = False


class Workflow(msgspec.Struct, frozen=True):
    """``file`` is the path that problems name; ``name`` None means that the path is the name, as on GitHub."""

    file: str
    on: On
    jobs: tuple[Job, ...]
    name: str | None = None
    run_name: str | None = None
    run_name_at: Position | None = None
    permissions: Permissions | None = None
    env: dict[str, Template] = {}
    defaults: Defaults = Defaults()

    def job(self, identifier: str) -> Job | None:
        return next((job for job in self.jobs if job.id == identifier), None)
