"""A JavaScript action: one of its files, run by Node.js in the workspace, with its inputs and state as variables."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

from libs.contracts.attempt import StepPart
from libs.workflow.actions.model import JavaScript
from services.vm_agent.job.actions.inputs import input_variables, state_variables
from services.vm_agent.job.actions.use import Use
from services.vm_agent.job.answers import prepare_files
from services.vm_agent.job.site import Site
from services.vm_agent.sandbox.protocol import Exec


def file_of(runs: JavaScript, part: StepPart) -> str | None:
    match part:
        case "pre":
            return runs.pre
        case "post":
            return runs.post
        case "main" | "setup":
            return runs.main


async def start(site: Site, use: Use, file: str, major: int, inputs: Mapping[str, str]) -> Exec:
    """Raises ActionFailed, CannotStart, SandboxError."""
    around = site.around
    node = await around.actions.nodes.program(major)
    if node.version[0] < major:
        shown = ".".join(map(str, node.version))
        await site.output.print(f"This action asks for Node.js {major}; {shown} is what the machine has.")
    await prepare_files(around, site.own_files())
    env = {**site.environment(), **input_variables(inputs), **state_variables(use.state)}
    script = posixpath.normpath(posixpath.join(use.found.folder, file))
    return await around.containers.exec(
        [node.path, script], env=env, cwd=around.places.workspace, output=site.output.take
    )
