"""The containers of one job: its network, its services, its own, and those of its `docker://` steps.

The order is that of GitHub's runner: network, the job's container, services, then waiting for services with a health
check. In a machine of its own nothing is removed at the end, for the machine is; the host's own engine is left as it
was found.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

from libs.workflow.expressions import Value
from services.vm_agent.job.containers.action import Actions
from services.vm_agent.job.containers.command_line import Making, Place, create_job, create_service
from services.vm_agent.job.containers.engine import Engine, find_engine
from services.vm_agent.job.containers.health import Waiting
from services.vm_agent.job.containers.job_container import JobContainer
from services.vm_agent.job.containers.means import Means
from services.vm_agent.job.containers.options import HOST_GATEWAY, with_gateway
from services.vm_agent.job.containers.paths import HOME, inside_job
from services.vm_agent.job.containers.process import Starter
from services.vm_agent.job.containers.pulls import Pulls
from services.vm_agent.job.containers.refused import BadContainer
from services.vm_agent.job.containers.standing import Launcher, Standing
from services.vm_agent.job.containers.wanted import Wanted
from services.vm_agent.job.places import Places
from services.vm_agent.sandbox.protocol import Capability, Exec, Output, Sandbox

_GIT_CONFIG = "[safe]\n\tdirectory = {0}\n\tdirectory = /github/workspace\n"
"""In a container the workspace is another user's, as it is on GitHub; there actions/checkout says so to git."""
_GATEWAY = "{{(index .Subnets 0).Gateway}}"
Say = Callable[[str], Awaitable[None]]


class Containers:
    """Costs nothing until a job wants one. `name` differs for every attempt."""

    def __init__(self, sandbox: Sandbox, places: Places, name: str, means: Means) -> None:
        self._sandbox, self._places, self._means = sandbox, places, means
        self._hex = hashlib.sha256(name.encode()).hexdigest()[:32]
        self._engine: Engine | None = None
        self._pulls: Pulls | None = None
        self._network = ""
        self._standing: list[Standing] = []
        self._built: dict[str, str] = {}
        self._expected = False
        self.job: JobContainer | None = None
        self.context: dict[str, Value] = {}
        """What the `job` context has of them."""

    async def start(self, job: Wanted | None, services: Sequence[Wanted], clock: Callable[[], float], say: Say) -> None:
        """Raises BadContainer, SandboxError."""
        self._expected = job is not None
        engine = await self._found(say)
        await self._make_network(engine)
        if job is not None:
            await self._start_job(engine, await self._addressed(engine, job), say)
        for wanted in services:
            await self._start_service(engine, await self._addressed(engine, wanted), say)
        await self._wait(Waiting(engine, clock, self._means.first_wait_seconds), say)

    async def exec(self, argv: Sequence[str], *, env: Mapping[str, str], cwd: str, output: Output) -> Exec:
        """A step's process, where the job's steps run: in its container, else in the sandbox itself. Paths are the
        sandbox's. Raises BadContainer where the job's container did not start."""
        if self.job is not None:
            return await self.job.exec(argv, env=env, cwd=cwd, output=output)
        if self._expected:
            raise BadContainer("the job's container was not started, so no step can run in it")
        return await self._sandbox.exec(argv, env=env, cwd=cwd, output=output)

    async def actions(self, say: Say) -> Actions:
        """For `docker://` steps and actions that are containers. Raises SandboxError: NoEngine where there is none."""
        engine = await self._found(say)
        place = Place(self._network, self._label)
        return Actions(engine, self._images(engine), self._starter(engine), self._places, place, self._hex, self._built)

    async def stop(self, say: Say) -> None:
        """Shows the services' logs and removes everything. Raises SandboxError."""
        for one in self._standing:
            if one.wanted.service and self._engine is not None:
                await say(f"##[group]Print service container logs: {one.wanted.service}")
                await self._launcher(self._engine).show_log(one, say)
                await say("##[endgroup]")
        await self.clear()

    async def clear(self) -> None:
        """Removes all that is this job's from an engine that outlives it; again does nothing."""
        engine, self._engine, self.job = self._engine, None, None
        if engine is None or Capability.OWN_KERNEL in self._sandbox.capabilities:
            return
        left = await engine.run(["ps", "--all", "--quiet", "--no-trunc", "--filter", f"label={self._label}"])
        if left.lines:
            await engine.run(["rm", "--force", "--volumes", *left.lines])
        if self._network:
            await engine.run(["network", "rm", self._network])

    @property
    def began(self) -> bool:
        """An engine was found, so there may be something to stop."""
        return self._engine is not None

    async def _found(self, say: Say) -> Engine:
        if self._engine is None:
            self._engine = await find_engine(self._sandbox, self._means.named)
            await say(f"Container engine: {self._engine.name} {self._engine.version}")
        return self._engine

    async def _make_network(self, engine: Engine) -> None:
        name = f"github_network_{self._hex}"
        answer = await engine.run(["network", "create", "--label", self._label, name])
        if not answer.ok:
            raise BadContainer(f"the job's container network could not be made: {answer.last}")
        self._network = name

    async def _addressed(self, engine: Engine, wanted: Wanted) -> Wanted:
        """Only Docker knows the word for the machine's own address in every version."""
        if engine.name == "docker" or not any(word.endswith(HOST_GATEWAY) for word in wanted.options):
            return wanted
        answer = await engine.run(["network", "inspect", "--format", _GATEWAY, self._network])
        if not answer.ok:
            raise BadContainer(f"the job's container network has no gateway: {answer.last}")
        return replace(wanted, options=with_gateway(wanted.options, answer.last))

    async def _start_job(self, engine: Engine, wanted: Wanted, say: Say) -> None:
        inside = inside_job(self._places)
        workspace = inside.path(self._places.workspace)
        for mount in inside.mounts:
            await self._sandbox.make_folder(mount.source)
        git_config = f"{self._places.temp}/_github_home/.gitconfig"
        await self._sandbox.write_file(git_config, _GIT_CONFIG.format(workspace).encode())

        def command(making: Making) -> list[str]:
            return create_job(wanted, making, inside, workspace)

        await say("##[group]Starting job container")
        env = {**wanted.env, "HOME": HOME, "GITHUB_ACTIONS": "true", "CI": "true"}
        standing = await self._launcher(engine).launch(wanted, env, command, say)
        await say("##[endgroup]")
        self._standing.append(standing)
        self.context["container"] = {"id": standing.id, "network": self._network}
        if not standing.running:
            await self._launcher(engine).show_log(standing, say)
            raise BadContainer(f"container: it has ended at once; does the image {wanted.image} have `tail`?")
        self.job = JobContainer(standing.id, inside, self._starter(engine), standing.env)

    async def _start_service(self, engine: Engine, wanted: Wanted, say: Say) -> None:
        def command(making: Making) -> list[str]:
            return create_service(wanted, making)

        await say(f"##[group]Starting {wanted.service} service container")
        standing = await self._launcher(engine).launch(wanted, wanted.env, command, say)
        await say("##[endgroup]")
        self._standing.append(standing)
        services = self.context.setdefault("services", {})
        assert isinstance(services, dict)
        services[wanted.service] = standing.context(self._network)
        if not standing.running:
            await self._launcher(engine).show_log(standing, say)
            await say(f"##[warning]The container of the service {wanted.service} is not in running state.")

    async def _wait(self, waiting: Waiting, say: Say) -> None:
        await say("##[group]Waiting for all services to be ready")
        failed = [one for one in self._standing if one.wanted.service and not await self._healthy(waiting, one, say)]
        await say("##[endgroup]")
        for one in failed:
            await say(f"##[group]Service container {one.wanted.service} failed.")
            await self._launcher(waiting.engine).show_log(one, say)
            await say("##[endgroup]")
        if failed:
            names = ", ".join(one.wanted.service for one in failed)
            raise BadContainer(f"services that did not become healthy: {names}; their logs are above")

    async def _healthy(self, waiting: Waiting, one: Standing, say: Say) -> bool:
        return one.health is None or await waiting.healthy(one.id, one.wanted.service, one.health, say)

    @property
    def _label(self) -> str:
        return f"firebreak={self._hex}"

    def _launcher(self, engine: Engine) -> Launcher:
        place = Place(self._network, self._label)
        return Launcher(engine, self._images(engine), self._places.temp, place, self._hex[:16])

    def _images(self, engine: Engine) -> Pulls:
        if self._pulls is None:
            self._pulls = Pulls(engine, self._means, self._places.temp)
        return self._pulls

    def _starter(self, engine: Engine) -> Starter:
        return Starter(engine, self._places.temp)
