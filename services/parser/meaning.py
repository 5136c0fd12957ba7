"""What an event can mean: nothing, a commit whose workflows may want it, or one workflow that is started by its name.

Values only; `relevance` says which event means which.
"""

from __future__ import annotations

import msgspec

from libs.contracts.plan import JsonObject, Plan, Repository, Trust
from libs.github.payload import Account
from libs.repositories import Base
from libs.workflow.triggers import TriggerEvent

DEFAULT_BRANCH = "HEAD"


def default_ref(repository: Repository) -> str:
    """By its name where that is known, which a payload fixes; a repository asked for its HEAD says which it is."""
    return f"refs/heads/{repository.default_branch}" if repository.default_branch else DEFAULT_BRANCH


class Irrelevant(msgspec.Struct, frozen=True):
    """Nothing runs, and that is right."""

    why: str
    repository: str = ""


class Unusable(msgspec.Struct, frozen=True):
    """It should have meant something, and cannot be understood."""

    why: str
    repository: str = ""


class Gone(msgspec.Struct, frozen=True):
    """Nothing runs, and nothing will: the repository is there no more, or is only kept to be read."""

    why: str
    repository: Repository


class Relevant(msgspec.Struct, frozen=True):
    """`trigger` is what `on:` is asked about, still without changed paths. `hints` are refs that the commit may be
    behind. The message of a pull request's commit is not in its payload: `message_known` says whether to read it.

    An event that names no commit (`sha` is empty) runs the newest one of `at`, a ref or `DEFAULT_BRANCH`; one that
    names a commit and no full ref is called after `at`. `compared` is the commit whose changes count, if not `sha`.
    """

    trigger: TriggerEvent
    repository: Repository
    owner_id: int
    sha: str
    ref: str
    trust: Trust
    actor: Account
    payload: JsonObject
    title: str = ""
    base: Base | None = None
    base_ref: str = ""
    head_ref: str = ""
    pull_request: int | None = None
    hints: tuple[str, ...] = ()
    message_known: bool = True
    at: str = ""
    compared: str = ""
    only: str = ""
    """The one workflow file that is asked; empty asks all."""
    chain: int = 0
    """How many runs in a row led here by `workflow_run`."""
    vars: dict[str, str] = {}
    """The variables that were set for the repository when this was planned."""
    lockfiles: tuple[str, ...] = ()
    """Those at the root of the commit that runs; looked up where something is to run."""
    also: Relevant | None = None
    """What the same event means besides, under another name: a pull request is a `pull_request_target` too."""


class Dispatched(msgspec.Struct, frozen=True):
    """One workflow, started by hand: a path or a file's name, at a ref that is still to be looked up."""

    repository: Repository
    workflow: str
    ref: str
    inputs: JsonObject
    actor: Account
    owner_id: int = 0
    payload: JsonObject | None = None


class Tried(msgspec.Struct, frozen=True):
    """A plan that is there already, but for its run's id: of a former run, with a model's proposal in it."""

    plan: Plan

    @property
    def repository(self) -> Repository:
        return self.plan.repository


Meaning = Irrelevant | Unusable | Gone | Relevant | Dispatched | Tried
