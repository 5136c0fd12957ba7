"""How a job comes by an image: from an archive that the operator offers, else from its registry.

A login is a file that the engine reads for one pull: the password is in no argument, and in no later step's reach.
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import msgspec

from services.vm_agent.job.containers.engine import Answer, Engine
from services.vm_agent.job.containers.images import HUB, HUB_KEY, image_name, registry_of, same_image, whole
from services.vm_agent.job.containers.means import Means
from services.vm_agent.job.containers.offered import archive_of
from services.vm_agent.job.containers.refused import BadContainer
from services.vm_agent.job.containers.wanted import Login
from services.vm_agent.sandbox.protocol import Capability

_LOADED = ("Loaded image: ", "Loaded image(s): ", "Loaded image ID: ")
_FROM = re.compile(r"^[ \t]*FROM[ \t]+(?:--\S+[ \t]+)*(\S+)", re.IGNORECASE | re.MULTILINE)
Say = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Pulls:
    """Of one job, which gets an image once. `folder` is one of the machine's, for archives and logins on their way."""

    engine: Engine
    means: Means
    folder: str
    had: dict[str, str] = field(default_factory=dict[str, str])

    async def bases(self, dockerfile: bytes, say: Say) -> None:
        """Of the images that a Dockerfile begins with, those that are offered are loaded; a build pulls the others."""
        for written in _FROM.findall(dockerfile.decode("utf-8", "replace")):
            name = written if _is_name(written) else ""
            full = whole(name) if name else ""
            if name and full not in self.had and (loaded := await self._offered(name, say)):
                self.had[full] = loaded

    async def image(self, name: str, login: Login | None, say: Say) -> str:
        """The name that the engine has the image by. Raises BadContainer, SandboxError."""
        full = whole(name)
        if full not in self.had:
            self.had[full] = await self._offered(name, say) or await self._pulled(full, name, login, say)
        return self.had[full]

    async def _offered(self, name: str, say: Say) -> str | None:
        found = await self.means.images.find(name)
        if found is None:
            return None
        await say(f"The image {name} is in this host's archive {found.file}.")
        folder = f"{self.folder}/_container_images"
        await self.engine.sandbox.put(archive_of(found, "image.tar"), folder)
        answer = await self.engine.run(["load", "--input", f"{folder}/image.tar"])
        await self.engine.shell('rm -rf -- "$1"', folder)
        if not answer.ok:
            raise BadContainer(f"the archive {found.file} could not be loaded: {answer.last}")
        loaded = _loaded_as(name, answer)
        if loaded != whole(name):
            await self.engine.run(["tag", loaded, whole(name)])
        return whole(name)

    async def _pulled(self, full: str, name: str, login: Login | None, say: Say) -> str:
        file = await self._login(full, login) if login is not None else []
        try:
            answer = await self._tries(full, file, say)
        finally:
            if file:
                await self.engine.shell('rm -rf -- "$1"', self._logins)
        if answer.ok:
            return full
        if await self._is_the_jobs_own(name):
            await say(f"##[warning]The image {name} could not be pulled; the machine has one of that name.")
            return name
        raise BadContainer(f"the image {name} could not be pulled: {answer.last}")

    async def _tries(self, full: str, login: list[str], say: Say) -> Answer:
        if self.engine.name == "docker":
            command = [*login, "pull", "--quiet", full]
        else:
            command = ["pull", "--quiet", *login, full]
        answer = await self.engine.run(command)
        for seconds in self.means.back_off_seconds:
            if answer.ok:
                break
            await say(
                f"##[warning]Pull of {full} failed with exit code {answer.code}, back off {seconds:g} seconds before "
                f"retry: {answer.last}"
            )
            await asyncio.sleep(seconds)
            answer = await self.engine.run(command)
        return answer

    async def _is_the_jobs_own(self, name: str) -> bool:
        """An image that an earlier step has made, in a machine that nobody else has been in. An engine of the host has
        those that other jobs pulled, with logins of theirs."""
        if Capability.OWN_KERNEL not in self.engine.sandbox.capabilities:
            return False
        return (await self.engine.run(["image", "inspect", "--format", "{{.Id}}", name])).ok

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


def _is_name(written: str) -> bool:
    """And no variable or earlier stage that cannot be an image's name."""
    try:
        return bool(image_name(written))
    except BadContainer:
        return False


def _loaded_as(name: str, answer: Answer) -> str:
    """Podman puts `localhost/` before a name without a registry, where an archive has one."""
    names = [line.removeprefix(start).strip() for line in answer.lines for start in _LOADED if line.startswith(start)]
    names = [one.strip() for line in names for one in line.split(",")]
    return next((one for one in names if same_image(one, name)), names[-1] if names else name)
