"""A `run:` step: its script written into the sandbox and run by its shell."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from libs.workflow.runner.shells import InvalidShell, Shell, mended, shell_of
from services.vm_agent.job.evaluation import BadKey, Evaluator
from services.vm_agent.job.naming import first_line
from services.vm_agent.job.prelude import block
from services.vm_agent.job.recipe import Recipe
from services.vm_agent.job.site import Site
from services.vm_agent.job.surroundings import Surroundings
from services.vm_agent.sandbox.protocol import CannotStart, Exec

NOT_FOUND = 127
_DEFAULTS = "jobs.<job_id>.defaults.run"


@dataclass(frozen=True, slots=True)
class Script:
    """A script that is ready to run: evaluated, its shell and folder known."""

    text: str
    shell: Shell
    folder: str
    path: str
    index: int


async def prepared(site: Site) -> Script:
    """Evaluates the step's keys. Raises BadKey."""
    places, evaluator = site.around.places, site.evaluator()
    text = await evaluator.text(site.planned.run or "", site.key("run"))
    shell = await _shell(site, evaluator)
    folder = await _folder(site, evaluator)
    path = places.script(site.id, shell.extension)
    return Script(text, shell, posixpath.join(places.workspace, folder), path, site.planned.index)


async def start(site: Site, script: Script) -> Exec:
    """Shows what will run and starts it. Raises CannotStart, FileTrouble."""
    around, env, output = site.around, site.environment(), site.output
    await output.print(_prelude(script, site.env), wait=True)
    await around.sandbox.write_file(script.path, mended(script.shell, script.text).encode("utf-8", "replace"), 0o755)
    container = around.containers.job
    path = script.path if container is None else container.inside.path(script.path)
    command = script.shell.command(path)
    _remember(around, script, command, env)
    try:
        return await around.containers.exec(command, env=env, cwd=script.folder, output=output.take)
    except CannotStart as error:
        if error.code != NOT_FOUND or script.shell.fallback is None:
            raise
        command = script.shell.command(path, program_missing=True)
        _remember(around, script, command, env)
        return await around.containers.exec(command, env=env, cwd=script.folder, output=output.take)


def _remember(around: Surroundings, script: Script, command: Sequence[str], env: Mapping[str, str]) -> None:
    """So that it can be run again in what the job leaves, if that is kept."""
    if around.on_failure is None:
        return
    recipes = around.state.recipes
    recipes[:] = [recipe for recipe in recipes if recipe.index != script.index]
    text = mended(script.shell, script.text)
    name = first_line(script.text)
    container = around.containers.job
    argv = tuple(command) if container is None else container.again(command, env, script.folder)
    recipes.append(Recipe(script.index, name, argv, dict(env), script.folder, script.path, text))


async def _shell(site: Site, evaluator: Evaluator) -> Shell:
    """The defaults of a job are not those of the actions that it uses."""
    order, step = site.around.state.order, site.planned
    if step.shell is not None or site.inside is not None:
        name: str | None = await evaluator.text(step.shell or "", site.key("shell"))
    else:
        default = order.planned.defaults.shell or order.defaults.shell
        name = await evaluator.text(default, _DEFAULTS) if default else None
    if not (name or "").strip() and site.around.containers.job is not None:
        name = "sh -e {0}"
    try:
        return shell_of(name)
    except InvalidShell as error:
        raise BadKey(f"{site.where}: shell: {error}") from None


async def _folder(site: Site, evaluator: Evaluator) -> str:
    order, step = site.around.state.order, site.planned
    if step.working_directory is not None or site.inside is not None:
        return await evaluator.text(step.working_directory or "", site.key("working-directory"))
    default = order.planned.defaults.working_directory or order.defaults.working_directory
    return await evaluator.text(default, _DEFAULTS) if default else ""


def _prelude(script: Script, env: Mapping[str, str]) -> str:
    """What GitHub shows at a step's head: the script, its shell, the job's variables, in one group."""
    lines = [f"##[group]Run {first_line(script.text)}"]
    lines += [f"\x1b[36;1m{line}\x1b[0m" for line in script.text.replace("\r\n", "\n").rstrip("\n").split("\n")]
    lines += [f"shell: {script.shell.template}", *block("env", env), "##[endgroup]"]
    return "\n".join(lines)
