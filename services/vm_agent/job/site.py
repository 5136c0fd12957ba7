"""What one step works with: its variables, its runner files, its output, and the contexts as they are now.

A step of a composite action has a site within the site of the step that uses the action: what it prints is that step's
log, what it adds to the environment is seen by the steps behind it, and its contexts are the action's own.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from libs.contracts.plan import PlannedStep
from libs.contracts.results import Result
from libs.workflow.expressions import Scope, Status, Value
from libs.workflow.runner.commands import CommandReader
from libs.workflow.runner.files import prepend_paths
from services.vm_agent.job.actions.use import Slot, Use
from services.vm_agent.job.environment import step_environment
from services.vm_agent.job.evaluation import BadKey, Evaluator
from services.vm_agent.job.hashing import hash_files
from services.vm_agent.job.places import RUNNER_FILES
from services.vm_agent.job.surroundings import Surroundings
from services.vm_agent.log.step_output import StepOutput

SUMMARY = "step_summary"
"""The one runner file that the steps of a composite action share with the step that uses it."""


@dataclass(frozen=True, slots=True)
class Inside:
    """A composite action as its step `index` sees it. `contexts` are `inputs` and `steps`, `github` what is set anew in
    that context; `deadline`, on the job's clock, is when its time is over."""

    site: Site
    use: Use
    index: int
    contexts: Mapping[str, Value]
    github: Mapping[str, Value]
    status: Callable[[], Status]
    deadline: float


class Site:
    """`env` begins as the job's and gets the step's own on top. `of` is the step whose action it runs a part of, where
    it is not itself that step."""

    def __init__(
        self,
        around: Surroundings,
        planned: PlannedStep,
        action: str,
        *,
        of: int | None = None,
        inside: Inside | None = None,
    ) -> None:
        self.around, self.planned, self.action, self.inside = around, planned, action, inside
        self.slot = _slot(around, planned.index if of is None else of, inside)
        self.id: str = str(planned.index) if inside is None else f"{inside.site.id}_{inside.index}"
        self.files = {name: around.places.runner_file(name, self.id) for name in RUNNER_FILES}
        if inside is not None:
            self.files[SUMMARY] = inside.site.files[SUMMARY]
        self.github: dict[str, Value] = around.state.github(action, self.files)
        self.github.update({} if inside is None else inside.github)
        self._given = dict(around.state.env) if inside is None else inside.site.inherited()
        self.env: dict[str, str] = dict(self._given)
        # The reader sees the step's own variables as soon as they are known: the dictionary is the same. What the
        # operator gave to every job may allow what is refused by default, as the runner's environment does on GitHub.
        seen = ChainMap(self.env, dict(around.base_environment))
        reader = CommandReader(environment=seen, workspace=around.places.workspace, echo=around.state.debug)
        self.output = StepOutput(
            planned.index, around.log, around.masker, reader, matchers=around.matchers, debug=around.state.debug
        )
        if around.containers.job is not None:
            self.output.machine_path = around.containers.job.inside.machine_path

    @property
    def where(self) -> str:
        """The step's place in its file."""
        file = self.around.state.where if self.inside is None else self.inside.use.action.file
        return f"{file}:{self.planned.line}"

    def key(self, name: str) -> str:
        """The row of the table of contexts for a key of this step."""
        return f"jobs.<job_id>.steps.{name}" if self.inside is None else f"action.runs.steps.{name}"

    def own_files(self) -> dict[str, str]:
        """The runner files that nobody else writes to."""
        return {name: path for name, path in self.files.items() if self.inside is None or name != SUMMARY}

    def evaluator(self) -> Evaluator:
        around, inside = self.around, self.inside
        scope = around.state.scope(self.github, self.env)
        if inside is not None:
            scope = Scope({**scope.contexts, **inside.contexts}, inside.status())
        return Evaluator(
            scope,
            lambda patterns: hash_files(around.sandbox, around.places, patterns),
            self.where,
        )

    async def conclusion(self, outcome: Result) -> Result:
        """`continue-on-error` is looked at only after a failure. Raises SandboxError."""
        if outcome != "failure":
            return outcome
        try:
            goes_on = await self.evaluator().boolean(self.planned.continue_on_error, self.key("continue-on-error"))
        except BadKey as error:
            await self.output.error(str(error))
            return "failure"
        return "success" if goes_on else "failure"

    def environment(self) -> dict[str, str]:
        """Of a process that runs where the job's steps do."""
        around, container = self.around, self.around.containers.job
        if container is None:
            return self.action_environment()
        return self._environment(container.base(around.base_environment), container.home)

    def action_environment(self) -> dict[str, str]:
        """Of an action that is a container: it makes no difference to it whether the job's steps run in one."""
        return self._environment(self.around.base_environment, self.around.places.home)

    def _environment(self, base: Mapping[str, str], home: str) -> dict[str, str]:
        around = self.around
        return step_environment(
            base=base,
            env=self.env,
            paths=self.paths() if self.inside is None else self.inside.site.paths(),
            github=self.github,
            runner=around.state.runner,
            home=home,
        )

    def inherited(self) -> dict[str, str]:
        """The variables of the steps within: those that steps before them added lie under this step's own."""
        own = {name: value for name, value in self.env.items() if self._given.get(name) != value}
        return {**self._given, **self.output.said.variables, **own}

    def paths(self) -> tuple[str, ...]:
        """The search path's additions as the steps within see them."""
        before = self.around.state.paths if self.inside is None else self.inside.site.paths()
        return prepend_paths(before, tuple(self.output.said.paths))


def _slot(around: Surroundings, place: int, inside: Inside | None) -> Slot:
    if inside is None:
        uses = around.actions.uses
        return Slot(uses.steps, uses.begun, place, around.actions.library.origin())
    use = inside.use
    return Slot(use.steps, use.begun, inside.index, use.found.origin, use.depth + 1)
