"""A process in a container, as the job's runner knows processes: it ends, and it can be signalled.

Engines do not pass signals on to what `exec` has started, so the processes are found by a variable that only they have,
and signalled from outside: children in the background too, as in a process group.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.vm_agent.job.containers.command_line import Variables
from services.vm_agent.job.containers.engine import Engine
from services.vm_agent.sandbox.protocol import Exec, Exit, Output

MARK = "FIREBREAK_PROCESS"
"""Engines are given it in a file, not in their own environment: they are not to be signalled."""
_SIGNAL = """\
found=1
for file in $(grep -lzx "$1" /proc/[0-9]*/environ 2>/dev/null); do
  process=${file#/proc/}
  kill -"$2" "${process%/environ}" 2>/dev/null && found=0
done
exit $found
"""


@dataclass(frozen=True, slots=True)
class ContainerProcess:
    """`mark` names the processes, `file` holds their variables until they have ended."""

    engine: Engine
    process: Exec
    mark: str
    file: str

    async def wait(self) -> Exit:
        try:
            return await self.process.wait()
        finally:
            await self.engine.sandbox.write_file(self.file, b"", 0o600)

    async def signal(self, number: signal.Signals) -> None:
        reached = await self.engine.shell(_SIGNAL, f"{MARK}={self.mark}", str(int(number)))
        if not reached.ok or number == signal.SIGKILL:
            # None of them may be seen, or there is none yet: the engine's own program is all that can be ended.
            await self.process.signal(number)


@dataclass(frozen=True, slots=True)
class Starter:
    """Starts processes whose variables are in nobody's arguments. `folder` is one of the machine's."""

    engine: Engine
    folder: str

    async def start(self, argv: Sequence[str], given: Variables, mark: str, output: Output) -> ContainerProcess:
        """`argv` are the engine's, which name `file(mark)`."""
        file = self.file(mark)
        await self.engine.sandbox.write_file(file, given.file, 0o600)
        return ContainerProcess(self.engine, await self.engine.start(argv, output, given.given), mark, file)

    def file(self, mark: str) -> str:
        return f"{self.folder}/_container_variables/{mark}"


def marked(env: Mapping[str, str], mark: str) -> dict[str, str]:
    return {**env, MARK: mark}
