"""Actions that are a container (`runs.using: docker`), and steps `uses: docker://image`: what is run, and with what.

The rules are those of GitHub's runner: an entrypoint and arguments of `action.yml` win over the step's inputs of these
names, arguments there are words already, and variables of the step win over the action's.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

from libs.contracts.attempt import StepPart
from libs.workflow.actions.model import Docker
from libs.workflow.expressions import Scope, Value
from services.vm_agent.job.actions.inputs import input_variables, state_variables
from services.vm_agent.job.actions.use import Use
from services.vm_agent.job.containers.action import Actions
from services.vm_agent.job.containers.command_line import ActionContainer
from services.vm_agent.job.containers.images import SCHEME
from services.vm_agent.job.containers.once import Image, Once
from services.vm_agent.job.containers.paths import inside_action
from services.vm_agent.job.containers.refused import BadContainer
from services.vm_agent.job.containers.words import argument_words
from services.vm_agent.job.evaluation import Evaluator
from services.vm_agent.job.site import Site


async def start_image(site: Site, uses: str, inputs: Mapping[str, str]) -> Once:
    """Of a step `docker://image`. Raises SandboxError: NoEngine where there is no engine."""
    output = site.output
    output.machine_path = inside_action(site.around.places).machine_path
    actions = await site.around.containers.actions(output.print)
    action = step_container(inputs, site.action_environment())
    return Once(actions, lambda by: by.pull(uses, output.print), action, output)


async def start_action(site: Site, use: Use, runs: Docker, part: StepPart, inputs: Mapping[str, str]) -> Once:
    """Raises BadKey, SandboxError."""
    output = site.output
    output.machine_path = inside_action(site.around.places).machine_path
    actions = await site.around.containers.actions(output.print)
    env = {**site.action_environment(), **input_variables(inputs), **state_variables(use.state)}
    action = await action_container(runs, part, inputs, env, _evaluator(site, use, inputs))
    return Once(actions, _image(use, runs, site), action, output)


def step_container(inputs: Mapping[str, str], env: Mapping[str, str]) -> ActionContainer:
    """`args` and `entrypoint` are the step's, whatever their case; all inputs are variables too, as for any action."""
    named = {name.lower(): value for name, value in inputs.items()}
    args = tuple(argument_words(named.get("args", "")))
    return ActionContainer(
        {**env, **input_variables(inputs)}, args, named.get("entrypoint", "").replace("\0", "").strip()
    )


async def action_container(
    runs: Docker, part: StepPart, inputs: Mapping[str, str], env: Mapping[str, str], evaluator: Evaluator
) -> ActionContainer:
    """Raises BadKey."""
    given = step_container(inputs, {})
    entrypoint = (runs.entrypoint or given.entrypoint) if part == "main" else _entrypoint(runs, part)
    args = [await evaluator.text(arg, "action.runs.args") for arg in runs.args]
    own = await evaluator.mapping(runs.env, "action.runs.env")
    own_args = tuple(arg.replace("\0", "") for arg in args)
    return ActionContainer({**own, **env}, own_args if runs.args else given.args, entrypoint.replace("\0", ""))


def runs_in(runs: Docker, part: StepPart) -> bool:
    """Whether there is anything of it before or after all steps."""
    return part == "main" or bool(_entrypoint(runs, part))


def _entrypoint(runs: Docker, part: StepPart) -> str:
    return (runs.pre_entrypoint if part == "pre" else runs.post_entrypoint) or ""


def _image(use: Use, runs: Docker, site: Site) -> Image:
    """It is built, or pulled, once a job."""
    output = site.output

    async def made(by: Actions) -> str:
        if runs.image.lower().startswith(SCHEME):
            return await by.pull(runs.image, output.print)
        folder = use.found.folder
        dockerfile = posixpath.normpath(posixpath.join(folder, runs.image))
        if not dockerfile.startswith(f"{folder}/"):
            raise BadContainer(f"the action's image '{runs.image}' is not within its folder")
        return await by.build(dockerfile, posixpath.dirname(dockerfile), output)

    return made


def _evaluator(site: Site, use: Use, inputs: Mapping[str, str]) -> Evaluator:
    scope = site.around.state.scope(site.github, site.env)
    named: dict[str, Value] = dict(inputs)
    return Evaluator(Scope({**scope.contexts, "inputs": named}, scope.status), _no_hashes, use.action.file)


async def _no_hashes(patterns: tuple[str, ...]) -> str:
    """No key of a Docker action may ask for one."""
    return ""
