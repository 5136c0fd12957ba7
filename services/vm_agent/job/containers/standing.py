"""A container of a job from its image to its start, and what the engine says of it then."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import msgspec

from libs.workflow.expressions import Value
from services.vm_agent.job.containers.command_line import Making, Place, Variables, variables
from services.vm_agent.job.containers.engine import Engine
from services.vm_agent.job.containers.health import HealthCheck, health_check
from services.vm_agent.job.containers.paths import bound_folder
from services.vm_agent.job.containers.ports import ports_context
from services.vm_agent.job.containers.pulls import Pulls
from services.vm_agent.job.containers.refused import BadContainer
from services.vm_agent.job.containers.wanted import Wanted
from services.vm_agent.sandbox.protocol import CannotStart

Say = Callable[[str], Awaitable[None]]
Command = Callable[[Making], list[str]]
"""The engine's arguments for making a container."""
LOG_LINES = 10_000
"""Of each service, at the job's end: what a chatty one says is not the job's log."""
_MAKE = 'for folder; do test -e "$folder" || mkdir -p -- "$folder"; done'


_ASKED = '{"Config":{{json .Config}},"State":{{json .State}},"NetworkSettings":{{json .NetworkSettings}}}'


class _Config(msgspec.Struct, rename="pascal"):
    env: list[str] | None = None
    healthcheck: object = None


class _State(msgspec.Struct, rename="pascal"):
    running: bool = False


class _Network(msgspec.Struct, rename="pascal"):
    ports: dict[str, object] | None = None


class _Said(msgspec.Struct, rename="pascal"):
    """Of what both engines say when they are asked for a container."""

    config: _Config = msgspec.field(default_factory=_Config)
    state: _State = msgspec.field(default_factory=_State)
    network_settings: _Network = msgspec.field(default_factory=_Network)


@dataclass(frozen=True, slots=True)
class Standing:
    wanted: Wanted
    id: str
    running: bool
    env: Mapping[str, str]
    ports: Mapping[str, str]
    health: HealthCheck | None

    def context(self, network: str) -> dict[str, Value]:
        """`job.services.<id>`."""
        return {"id": self.id, "network": network, "ports": dict(self.ports)}


@dataclass(frozen=True, slots=True)
class Launcher:
    """`folder` is one of the machine's, for what the engine is to read; `prefix` begins the containers' names."""

    engine: Engine
    pulls: Pulls
    folder: str
    place: Place
    prefix: str

    async def launch(self, wanted: Wanted, env: Mapping[str, str], command: Command, say: Say) -> Standing:
        """Raises BadContainer, SandboxError."""
        try:
            return await self._launch(wanted, env, command, say)
        except BadContainer as error:
            raise BadContainer(f"{_key(wanted)}: {error}") from None

    async def show_log(self, standing: Standing, say: Say) -> None:
        answer = await self.engine.run(["logs", "--tail", str(LOG_LINES), standing.id])
        await say("\n".join(answer.lines) or "(it has printed nothing)")

    async def _launch(self, wanted: Wanted, env: Mapping[str, str], command: Command, say: Say) -> Standing:
        image = await self.pulls.image(wanted.image, wanted.login, say)
        folders = [folder for folder in map(bound_folder, wanted.volumes) if folder]
        if folders:
            await self.engine.shell(_MAKE, *folders)
        id = await self._created(image, variables(env), command)
        started = await self.engine.run(["start", id])
        if not started.ok:
            raise BadContainer(f"the container could not be started: {started.last}")
        return await self._standing(wanted, id)

    async def _created(self, image: str, given: Variables, command: Command) -> str:
        name = f"{self.prefix}_{secrets.token_hex(4)}"
        place = self.place
        if given.lines:
            place = Place(place.network, place.label, f"{self.folder}/_container_variables/{name}")
            await self.engine.sandbox.write_file(place.variables_file, given.file, 0o600)
        try:
            answer = await self.engine.run(command(Making(name, image, given, place)), given.given)
        except CannotStart as error:
            raise BadContainer(f"the container could not be made: {error}") from None
        if given.lines:
            await self.engine.sandbox.write_file(place.variables_file, b"", 0o600)
        if not answer.ok:
            raise BadContainer(f"the container could not be made: {answer.last}")
        return answer.last

    async def _standing(self, wanted: Wanted, id: str) -> Standing:
        answer = await self.engine.run(["inspect", "--format", _ASKED, id])
        try:
            said = msgspec.json.decode(answer.last_line, type=_Said)
        except msgspec.MsgspecError:
            raise BadContainer(f"the engine does not know the container: {answer.last}") from None
        env = {one.partition("=")[0]: one.partition("=")[2] for one in said.config.env or ()}
        ports = ports_context(said.network_settings.ports or {})
        return Standing(wanted, id, said.state.running, env, ports, health_check(said.config.healthcheck))


def _key(wanted: Wanted) -> str:
    return f"services.{wanted.service}" if wanted.service else "container"
