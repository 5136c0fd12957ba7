"""The container engine of a sandbox: found by asking it, and started as a program there.

In a machine it runs as root, for which no password or `sudo` is needed: the agent starts commands as any user of a
guest. Without isolation the host's own engine is used, as the agent's user. A sandbox between the two (bubblewrap) has
none: an engine there would be outside of it.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from services.vm_agent.sandbox.protocol import (
    DEFAULT_PATH,
    Capability,
    Exec,
    Exit,
    FileTrouble,
    Output,
    Sandbox,
    SandboxError,
)

ANSWER_BYTES = 8 * 1024**2
"""Of an engine's answers, which are ids and JSON; what it prints while it pulls or builds is not kept."""
WORDS_CHARACTERS = 4096
"""Of what an engine says when it fails, as an error quotes it."""
_NOISE = ("systemd connection", "failed to connect to syslog")
"""Podman says so at every turn where no systemd runs; it has no consequence, since we check healths ourselves."""
_ASK = """\
HOME=$(getent passwd "$(id -u)" 2>/dev/null | cut -d: -f6)
export HOME
echo "home $HOME"
ask() {
  command -v "$1" >/dev/null 2>&1 || return 1
  if said=$("$1" version --format "$2" 2>&1); then echo "works $1 $said"; return 0; fi
  echo "fails $1: $(echo "$said" | tail -n 1)"
  return 1
}
ask podman '{{.Client.Version}}' || ask docker '{{.Server.Version}}' || true
"""


class NoEngine(SandboxError):
    """This sandbox has no container engine that works. Another host may have one, so it is Firebreak's error."""


@dataclass(frozen=True, slots=True)
class Engine:
    sandbox: Sandbox
    name: Literal["podman", "docker"]
    version: str
    user: str | None
    env: Mapping[str, str]

    async def start(self, argv: Sequence[str], output: Output, env: Mapping[str, str] | None = None) -> Exec:
        """`env` is on top of the engine's own."""
        return await self.sandbox.exec(
            [self.name, *argv],
            env={**self.env, **(env or {})},
            cwd=self.sandbox.paths.work,
            output=output,
            user=self.user,
        )

    async def run(self, argv: Sequence[str], env: Mapping[str, str] | None = None) -> Answer:
        """Until it has ended. Raises SandboxError."""
        return await self._run([self.name, *argv], env)

    async def shell(self, script: str, *arguments: str) -> Answer:
        """A script that runs where the engine does, and with its rights."""
        return await self._run(["sh", "-c", script, "sh", *arguments], None)

    async def _run(self, argv: Sequence[str], env: Mapping[str, str] | None) -> Answer:
        return await _answered(self.sandbox, argv, {**self.env, **(env or {})}, self.user)


@dataclass(frozen=True, slots=True)
class Answer:
    code: int
    text: str

    @property
    def ok(self) -> bool:
        return self.code == 0

    @property
    def lines(self) -> list[str]:
        return [line for line in self.text.splitlines() if line.strip() and not any(noise in line for noise in _NOISE)]

    @property
    def last_line(self) -> str:
        """Where one was asked for, behind warnings."""
        return self.lines[-1].strip() if self.lines else ""

    @property
    def last(self) -> str:
        """The same, to be shown: an id, or why it failed."""
        return self.last_line[:WORDS_CHARACTERS]


async def find_engine(sandbox: Sandbox, named: Mapping[str, str]) -> Engine:
    """`named` are the host's variables that its operator gives to jobs: `DOCKER_HOST` may be among them. Raises
    NoEngine, SandboxError."""
    able = sandbox.capabilities
    if Capability.ISOLATION in able and Capability.OWN_KERNEL not in able:
        raise NoEngine(
            "no container engine: this sandbox shares the host's kernel and has none. Run the job on a host with a "
            "microVM driver, whose images have podman"
        )
    user = "root" if Capability.USERS in able else None
    env = {"PATH": DEFAULT_PATH} if Capability.OWN_KERNEL in able else {"PATH": DEFAULT_PATH, **named}
    answer = await _answered(sandbox, ["sh", "-c", _ASK], env, user)
    said = {line.partition(" ")[0]: line.partition(" ")[2] for line in answer.lines}
    name, _, version = said.get("works", "").partition(" ")
    if name not in ("podman", "docker"):
        raise NoEngine(f"no container engine works here: {_why(said.get('fails', ''))}")
    return Engine(sandbox, name, version, user, {**env, "HOME": said.get("home") or "/root"})


def _why(fails: str) -> str:
    return fails or (
        "neither podman nor docker is installed. An image of `firebreak image build` has podman; on a host install one"
    )


async def _answered(sandbox: Sandbox, argv: Sequence[str], env: Mapping[str, str], user: str | None) -> Answer:
    printed = bytearray()

    async def keep(data: bytes) -> None:
        if len(printed) + len(data) > ANSWER_BYTES:
            raise FileTrouble(f"{argv[0]} printed more than {ANSWER_BYTES} bytes")
        printed.extend(data)

    process = await sandbox.exec(argv, env=env, cwd=sandbox.paths.work, output=keep, user=user)
    try:
        ended: Exit = await process.wait()
    except BaseException:
        await process.signal(signal.SIGKILL)
        raise
    return Answer(ended.code, printed.decode("utf-8", "replace"))
