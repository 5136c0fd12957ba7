"""A use of an action at one place of a job, from its first stage to its last: `pre`, `main` and `post` share it."""

from __future__ import annotations

from dataclasses import dataclass, field

from libs.workflow.actions.model import Action, Composite
from libs.workflow.expressions import Value

DEPTH = 9
"""Composite actions within composite actions, as many as GitHub's runner takes."""


class ActionFailed(Exception):
    """The workflow's or the action's own mistake: nothing such, a bad `action.yml`, no Node.js to run it."""


class OutOfReach(Exception):
    """Whoever has an action's repository does not answer: ours, not the workflow's."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The repository and the commit in which a file stands that says `uses`."""

    repository: str
    commit: str


@dataclass(frozen=True, slots=True)
class Found:
    """An action's files in the sandbox. `repository` and `ref` are empty where it lies in the workspace; `label` is
    what people know it by."""

    folder: str
    label: str
    origin: Origin
    repository: str = ""
    ref: str = ""


@dataclass(slots=True)
class Use:
    """`steps` are those of a composite action that are actions themselves, by their place. `inputs` and `seen` are
    what its `main` had and left in its contexts: its `post` sees the same."""

    found: Found
    action: Action
    depth: int
    steps: dict[int, Use] = field(default_factory=dict[int, "Use"])
    begun: list[int] = field(default_factory=list[int])
    """Steps of a composite action in the order in which they first ran."""
    state: dict[str, str] = field(default_factory=dict[str, str])
    seen: dict[str, Value] = field(default_factory=dict[str, Value])

    @property
    def lacks_its_pre(self) -> bool:
        """An action of the workspace is known when its step comes, which is too late for its `pre`."""
        return self.action.has_pre and not self.found.repository

    @property
    def has_pre(self) -> bool:
        if isinstance(self.action.runs, Composite):
            return any(use.has_pre for use in self.steps.values())
        return self.action.has_pre and bool(self.found.repository)

    @property
    def wants_post(self) -> bool:
        """Whether something of it that ran has to clean up."""
        if isinstance(self.action.runs, Composite):
            return any(self.steps[index].wants_post for index in self.begun)
        return self.action.has_post


@dataclass(slots=True)
class Uses:
    """The uses of one job by their step's index, and in which order they first ran."""

    steps: dict[int, Use] = field(default_factory=dict[int, Use])
    begun: list[int] = field(default_factory=list[int])
    count: int = 0


@dataclass(frozen=True, slots=True)
class Slot:
    """A step that may use an action: where that is remembered, and what `./` and `$/` are relative to."""

    uses: dict[int, Use]
    begun: list[int]
    place: int
    origin: Origin
    depth: int = 0

    @property
    def use(self) -> Use | None:
        return self.uses.get(self.place)

    def begin(self) -> None:
        if self.place not in self.begun:
            self.begun.append(self.place)
