"""Runs the programs that build an image, each with a deadline: asked to end at first, killed if it goes on.

It knows processes and lines, and nothing of what the programs do.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import msgspec

ENDING_SECONDS = 20.0
"""To remove its temporary files in; whoever is not done by then is killed."""
TAIL_BYTES = 1000
"""Of what a failed program said, enough to see why."""


class ProgramFailed(Exception):
    """It ended with an error, or not in time, or it is not there."""


class Program(msgspec.Struct, frozen=True):
    """`seconds` bound the whole run, however much or little it prints."""

    command: Sequence[str]
    seconds: float
    environment: Mapping[str, str]
    folder: Path | None = None
    source: Path | None = None
    """What it reads; nothing without."""

    @property
    def name(self) -> str:
        return os.path.basename(self.command[0])


def lines(program: Program) -> Generator[str]:
    """What it prints, line by line. Raises ProgramFailed. It ends when this is closed."""
    with _running(program) as process:
        assert process.stdout is not None
        for line in process.stdout:
            yield line.decode(errors="replace").rstrip()
        process.wait()
    if process.returncode != 0:
        raise ProgramFailed(f"{program.name} ended with code {process.returncode}")


def run(program: Program) -> None:
    """Raises ProgramFailed with the end of what it printed."""
    said = ""
    try:
        with contextlib.closing(lines(program)) as printed:
            for line in printed:
                said = f"{said}\n{line}"[-TAIL_BYTES:]
    except ProgramFailed as error:
        raise ProgramFailed(f"{error}: {said.strip()}" if said.strip() else str(error)) from None


@contextmanager
def _running(program: Program) -> Generator[subprocess.Popen[bytes]]:
    """The process, in a group of its own with all that it starts. Raises ProgramFailed."""
    late = threading.Event()
    with contextlib.ExitStack() as stack:
        source = stack.enter_context(program.source.open("rb")) if program.source else subprocess.DEVNULL
        process = _started(program, source)
        timer = threading.Timer(program.seconds, _end, (process, late))
        timer.daemon = True
        timer.start()
        try:
            yield process
        finally:
            timer.cancel()
            _end(process)
            if process.stdout is not None:
                process.stdout.close()
    if late.is_set():
        raise ProgramFailed(f"{program.name} was not done within {program.seconds:g} s")


def _started(program: Program, source: IO[bytes] | int) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            list(program.command),
            stdin=source,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=program.folder,
            env=dict(program.environment),
            start_new_session=True,
        )
    except FileNotFoundError:
        raise ProgramFailed(f"`{program.name}` is missing") from None


def _end(process: subprocess.Popen[bytes], late: threading.Event | None = None) -> None:
    """Its group is asked to end and then killed, unless it has ended."""
    if process.poll() is not None:
        return
    if late is not None:
        late.set()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGINT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(ENDING_SECONDS)
    # What a shell has put into the background ignores the first signal.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
