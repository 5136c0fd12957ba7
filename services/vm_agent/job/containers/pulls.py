"""How a job comes by an image: from an archive that the operator offers, else from its registry.

A login is a file that the engine reads for one pull: the password is in no argument, and in no later step's reach.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import msgspec

from services.vm_agent.job.containers.engine import Answer, Engine
from services.vm_agent.job.containers.images import HUB, HUB_KEY, registry_of, same_image, whole
from services.vm_agent.job.containers.offered import OfferedImages, archive_of
from services.vm_agent.job.containers.refused import BadContainer
from services.vm_agent.job.containers.wanted import Login

BACK_OFF_SECONDS = (2.0, 6.0)
"""Before the second and the third try of a pull, as many as GitHub's runner makes."""
_LOADED = ("Loaded image: ", "Loaded image(s): ", "Loaded image ID: ")
Say = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Pulls:
    """Of one job, which gets an image once. `folder` is one of the machine's, for archives and logins on their way."""

    engine: Engine
    offered: OfferedImages
    folder: str
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    had: dict[str, str] = field(default_factory=dict[str, str])

    async def image(self, name: str, login: Login | None, say: Say) -> str:
        """The name that the engine has the image by. Raises BadContainer, SandboxError."""
        full = whole(name)
        if full not in self.had:
            self.had[full] = await self._offered(name, say) or await self._pulled(full, name, login, say)
        return self.had[full]

    async def _offered(self, name: str, say: Say) -> str | None:
        found = await self.offered.find(name)
        if found is None:
            return None
        await say(f"The image {name} is in this host's archive {found.file}.")
        folder = f"{self.folder}/_container_images"
        await self.engine.sandbox.put(archive_of(found, "image.tar"), folder)
        answer = await self.engine.run(["load", "--input", f"{folder}/image.tar"])
        await self.engine.shell('rm -rf -- "$1"', folder)
        if not answer.ok:
            raise BadContainer(f"the archive {found.file} could not be loaded: {answer.last}")
        return _loaded_as(name, answer)

    async def _pulled(self, full: str, name: str, login: Login | None, say: Say) -> str:
        file = await self._login(full, login) if login is not None else []
        try:
            answer = await self._tries(full, file, say)
        finally:
            if file:
                await self.engine.shell('rm -rf -- "$1"', self._logins)
        if answer.ok:
            return full
        if (await self.engine.run(["image", "inspect", "--format", "{{.Id}}", name])).ok:
            await say(f"##[warning]The image {name} could not be pulled; the machine has one of that name.")
            return name
        raise BadContainer(f"the image {name} could not be pulled: {answer.last}")

    async def _tries(self, full: str, login: list[str], say: Say) -> Answer:
        if self.engine.name == "docker":
            command = [*login, "pull", "--quiet", full]
        else:
            command = ["pull", "--quiet", *login, full]
        answer = await self.engine.run(command)
        for seconds in BACK_OFF_SECONDS:
            if answer.ok:
                break
            await say(
                f"##[warning]Pull of {full} failed with exit code {answer.code}, back off {seconds:g} seconds before "
                f"retry: {answer.last}"
            )
            await self.pause(seconds)
            answer = await self.engine.run(command)
        return answer

    async def _login(self, full: str, login: Login) -> list[str]:
        """Writes the engine's file of credentials, and names it as an argument."""
        registry = registry_of(full)
        key = HUB_KEY if registry == HUB and self.engine.name == "docker" else registry
        pair = base64.b64encode(f"{login.username}:{login.password}".encode()).decode()
        path = f"{self._logins}/config.json"
        await self.engine.sandbox.write_file(path, msgspec.json.encode({"auths": {key: {"auth": pair}}}), 0o600)
        return ["--config", self._logins] if self.engine.name == "docker" else ["--authfile", path]

    @property
    def _logins(self) -> str:
        return f"{self.folder}/_container_login"


def _loaded_as(name: str, answer: Answer) -> str:
    """Podman puts `localhost/` before a name without a registry, where an archive has one."""
    names = [line.removeprefix(start).strip() for line in answer.lines for start in _LOADED if line.startswith(start)]
    names = [one.strip() for line in names for one in line.split(",")]
    return next((one for one in names if same_image(one, name)), names[-1] if names else name)
