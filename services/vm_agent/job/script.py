"""A `run:` step: its script written into the sandbox and run by its shell."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from libs.contracts.plan import PlannedStep
from libs.workflow.runner.shells import InvalidShell, Shell, mended, shell_of
from services.vm_agent.job.evaluation import BadKey, Evaluator
from services.vm_agent.job.naming import first_line
from services.vm_agent.job.recipe import Recipe
from services.vm_agent.job.surroundings import Surroundings
from services.vm_agent.log.step_output import StepOutput
from services.vm_agent.sandbox.protocol import CannotStart, Exec

NOT_FOUND = 127
_STEPS = "jobs.<job_id>.steps"
_DEFAULTS = "jobs.<job_id>.defaults.run"


@dataclass(frozen=True, slots=True)
class Script:
    """A script that is ready to run: evaluated, its shell and folder known."""

    text: str
    shell: Shell
    folder: str
    path: str
    index: int


async def prepared(around: Surroundings, step: PlannedStep, evaluator: Evaluator) -> Script:
    """Evaluates the step's keys. Raises BadKey."""
    text = await evaluator.text(step.run or "", f"{_STEPS}.run")
    shell = await _shell(around, step, evaluator)
    folder = await _folder(around, step, evaluator)
    path = around.places.script(step.index, shell.extension)
    return Script(text, shell, posixpath.join(around.places.workspace, folder), path, step.index)


async def start(
    around: Surroundings, script: Script, env: Mapping[str, str], output: StepOutput, shown_env: Mapping[str, str]
) -> Exec:
    """Shows what will run and starts it. Raises CannotStart, FileTrouble."""
    await output.print(_prelude(script, shown_env), wait=True)
    await around.sandbox.write_file(script.path, mended(script.shell, script.text).encode("utf-8", "replace"), 0o755)
    command = script.shell.command(script.path)
    _remember(around, script, command, env)
    try:
        return await around.sandbox.exec(command, env=env, cwd=script.folder, output=output.take)
    except CannotStart as error:
        if error.code != NOT_FOUND or script.shell.fallback is None:
            raise
        command = script.shell.command(script.path, program_missing=True)
        _remember(around, script, command, env)
        return await around.sandbox.exec(command, env=env, cwd=script.folder, output=output.take)


def _remember(around: Surroundings, script: Script, command: Sequence[str], env: Mapping[str, str]) -> None:
    """So that it can be run again in what the job leaves, if that is kept."""
    if around.on_failure is None:
        return
    recipes = around.state.recipes
    recipes[:] = [recipe for recipe in recipes if recipe.index != script.index]
    text = mended(script.shell, script.text)
    name = first_line(script.text)
    recipes.append(Recipe(script.index, name, tuple(command), dict(env), script.folder, script.path, text))


async def _shell(around: Surroundings, step: PlannedStep, evaluator: Evaluator) -> Shell:
    order = around.state.order
    if step.shell is not None:
        name: str | None = await evaluator.text(step.shell, f"{_STEPS}.shell")
    else:
        default = order.planned.defaults.shell or order.defaults.shell
        name = await evaluator.text(default, _DEFAULTS) if default else None
    try:
        return shell_of(name)
    except InvalidShell as error:
        raise BadKey(f"{around.state.where}:{step.line}: shell: {error}") from None


async def _folder(around: Surroundings, step: PlannedStep, evaluator: Evaluator) -> str:
    order = around.state.order
    if step.working_directory is not None:
        return await evaluator.text(step.working_directory, f"{_STEPS}.working-directory")
    default = order.planned.defaults.working_directory or order.defaults.working_directory
    return await evaluator.text(default, _DEFAULTS) if default else ""


def _prelude(script: Script, env: Mapping[str, str]) -> str:
    """What GitHub shows at a step's head: the script, its shell, the job's variables, in one group."""
    lines = [f"##[group]Run {first_line(script.text)}"]
    lines += [f"\x1b[36;1m{line}\x1b[0m" for line in script.text.replace("\r\n", "\n").rstrip("\n").split("\n")]
    lines.append(f"shell: {script.shell.template}")
    if env:
        lines.append("env:")
        lines += [f"  {name}: {value}" for name, value in env.items()]
    lines.append("##[endgroup]")
    return "\n".join(lines)
