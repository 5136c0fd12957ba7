"""Containers that run once and are over: steps `docker://image`, and actions that are a container."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from services.vm_agent.job.containers.command_line import ActionContainer, Making, Place, run_action, variables
from services.vm_agent.job.containers.engine import Engine
from services.vm_agent.job.containers.images import image_name
from services.vm_agent.job.containers.paths import HOME, inside_action
from services.vm_agent.job.containers.process import ContainerProcess, Starter, marked
from services.vm_agent.job.containers.pulls import Pulls
from services.vm_agent.job.containers.refused import BadContainer
from services.vm_agent.job.places import Places
from services.vm_agent.log.step_output import StepOutput

Say = Callable[[str], Awaitable[None]]
MARK_BYTES = 8
DOCKERFILE_BYTES = 1024**2
"""Far more than anybody writes."""


@dataclass(frozen=True, slots=True)
class Actions:
    """`place` has the job's network, where it has one. `prefix` begins the names of containers and images."""

    engine: Engine
    pulls: Pulls
    starter: Starter
    places: Places
    place: Place
    prefix: str
    built: dict[str, str]
    """Images of this job's actions by their Dockerfile."""

    async def pull(self, written: str, say: Say) -> str:
        """The image of `docker://NAME`, as `run` takes it. Raises BadContainer, SandboxError."""
        name = image_name(written)
        if not name:
            raise BadContainer(f"'{written}' names no image")
        return await self.pulls.image(name, None, say)

    async def build(self, dockerfile: str, folder: str, output: StepOutput) -> str:
        """The image that a Dockerfile makes, both paths being the machine's. Raises BadContainer, SandboxError."""
        if dockerfile in self.built:
            return self.built[dockerfile]
        name = f"localhost/firebreak-action/{self.prefix}:{len(self.built)}"
        content = await self.engine.sandbox.read_file(dockerfile, DOCKERFILE_BYTES)
        if content is None:
            raise BadContainer(f"the action has no {dockerfile}")
        await self.pulls.bases(content, output.print)
        await output.print(f"##[group]Build container for action use: '{dockerfile}'.")
        building = await self.engine.start(["build", "--tag", name, "--file", dockerfile, folder], _printing(output))
        ended = await building.wait()
        await output.print("##[endgroup]")
        if ended.code != 0:
            raise BadContainer(f"the action's image could not be built from {dockerfile}: exit code {ended.code}")
        self.built[dockerfile] = name
        return name

    async def run(self, image: str, action: ActionContainer, output: StepOutput) -> ContainerProcess:
        """`image` is what `pull` or `build` gave; paths in `action.env` are the machine's. The search path is
        the image's own."""
        inside = inside_action(self.places)
        for mount in inside.mounts:
            await self.engine.sandbox.make_folder(mount.source)
        mark = secrets.token_hex(MARK_BYTES)
        env = {name: value for name, value in action.env.items() if name != "PATH"}
        given = variables(marked({**inside.environment(env), "HOME": HOME}, mark))
        place = replace(self.place, variables_file=self.starter.file(mark))
        making = Making(f"{self.prefix[:16]}_{mark}", image, given, place)
        command = run_action(action, making, inside)
        return await self.starter.start(command, given, mark, output.take)


def _printing(output: StepOutput) -> Callable[[bytes], Awaitable[None]]:
    """What an engine prints is shown, and no command in it is obeyed."""

    async def take(data: bytes) -> None:
        await output.print(data.decode("utf-8", "replace").rstrip("\n"))

    return take
