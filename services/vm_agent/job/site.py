"""What one step works with: its variables, its runner files, its output, and the contexts as they are now."""

from __future__ import annotations

from collections import ChainMap

from libs.contracts.plan import PlannedStep
from libs.workflow.expressions import Value
from libs.workflow.runner.commands import CommandReader
from services.vm_agent.job.environment import step_environment
from services.vm_agent.job.evaluation import Evaluator
from services.vm_agent.job.hashing import hash_files
from services.vm_agent.job.places import RUNNER_FILES
from services.vm_agent.job.surroundings import Surroundings
from services.vm_agent.log.step_output import StepOutput


class Site:
    """`env` begins as the job's and gets the step's own on top."""

    def __init__(self, around: Surroundings, planned: PlannedStep, action: str) -> None:
        self.around, self.planned = around, planned
        self.files = {name: around.places.runner_file(name, planned.index) for name in RUNNER_FILES}
        self.github: dict[str, Value] = around.state.github(action, self.files)
        self.env: dict[str, str] = dict(around.state.env)
        # The reader sees the step's own variables as soon as they are known: the dictionary is the same. What the
        # operator gave to every job may allow what is refused by default, as the runner's environment does on GitHub.
        seen = ChainMap(self.env, dict(around.base_environment))
        reader = CommandReader(environment=seen, workspace=around.places.workspace, echo=around.state.debug)
        self.output = StepOutput(
            planned.index, around.log, around.masker, reader, matchers=around.matchers, debug=around.state.debug
        )

    def evaluator(self) -> Evaluator:
        around = self.around
        return Evaluator(
            around.state.scope(self.github, self.env),
            lambda patterns: hash_files(around.sandbox, around.places, patterns),
            f"{around.state.where}:{self.planned.line}",
        )

    def environment(self) -> dict[str, str]:
        around = self.around
        return step_environment(
            base=around.base_environment,
            env=self.env,
            paths=around.state.paths,
            github=self.github,
            runner=around.state.runner,
            home=around.places.home,
        )
