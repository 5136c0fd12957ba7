"""The container that a job's steps run in."""

from __future__ import annotations

import posixpath
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.vm_agent.job.containers.command_line import run_step, variables
from services.vm_agent.job.containers.paths import HOME, Inside
from services.vm_agent.job.containers.process import Starter, marked
from services.vm_agent.sandbox.protocol import DEFAULT_PATH, Exec, Output

MARK_BYTES = 8


@dataclass(frozen=True, slots=True)
class JobContainer:
    """`image_env` are the variables that its image and the job's `container.env` gave it."""

    id: str
    inside: Inside
    starter: Starter
    image_env: Mapping[str, str]

    @property
    def home(self) -> str:
        return HOME

    def base(self, named: Mapping[str, str]) -> dict[str, str]:
        """Variables under a step's own. `named` are the host's, of which the search path means nothing here."""
        return {
            **{name: value for name, value in named.items() if name not in ("PATH", "HOME")},
            **{name: value for name, value in self.image_env.items() if name == "LANG"},
            "PATH": self.image_env.get("PATH") or DEFAULT_PATH,
        }

    def again(self, argv: Sequence[str], env: Mapping[str, str], cwd: str) -> tuple[str, ...]:
        """How somebody in a shell of the machine runs that in the container once more, with `env` as his own."""
        paths = {name: self.inside.path(value) for name, value in env.items() if name in ("PATH", "HOME")}
        given = [f"{name}={paths[name]}" if name in paths else name for name in env]
        words = [word for name in given for word in ("-e", name)]
        folder = self.inside.path(posixpath.normpath(cwd))
        engine = ("sudo", "--preserve-env", self.starter.engine.name, "exec", "--interactive", "--workdir", folder)
        return (*engine, *words, self.id, *argv)

    async def exec(self, argv: Sequence[str], *, env: Mapping[str, str], cwd: str, output: Output) -> Exec:
        """As `Sandbox.exec`: paths are the machine's, and translated."""
        mark = secrets.token_hex(MARK_BYTES)
        given = variables(marked(self.inside.environment(env), mark))
        words = [self.inside.path(word) for word in argv]
        folder = self.inside.path(posixpath.normpath(cwd))
        command = run_step(self.id, words, given, self.starter.file(mark), folder)
        return await self.starter.start(command, given, mark, output)
