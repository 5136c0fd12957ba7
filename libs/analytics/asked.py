"""Asks one question in a process of its own and hands on the answer as it comes. For a command line: it blocks."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import IO

from libs.analytics.question import (
    HEAD,
    Ended,
    Garbled,
    Part,
    Question,
    Refused,
    length_of,
    part_of,
    question_message,
)

ROOT = Path(__file__).parents[2]
END_SECONDS = 5.0
"""The process ends by itself as soon as nobody asks it; then it is killed."""


def command(folder: Path, threads: int) -> tuple[str, ...]:
    """How a process that answers is started; `environment` is all that it is told."""
    return (sys.executable, "-P", "-m", "libs.analytics.answering", str(folder.absolute()), str(threads))


def environment() -> dict[str, str]:
    return {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}


def asked(folder: Path, question: Question, *, threads: int) -> Generator[Part]:
    """The parts of the answer; the last is Ended or Refused. Whoever stops early ends the question."""
    argv, stdio = command(folder, threads), subprocess.PIPE
    with subprocess.Popen(argv, stdin=stdio, stdout=stdio, env=environment(), start_new_session=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(question_message(question))
            process.stdin.close()
            last = yield from _parts(process.stdout)
            if last is None:
                yield refusal_of(process.wait(END_SECONDS), question.seconds)
        except (BrokenPipeError, Garbled, subprocess.TimeoutExpired):
            process.kill()
            yield refusal_of(process.wait(END_SECONDS), question.seconds)
        finally:
            process.kill()


def _parts(stream: IO[bytes]) -> Generator[Part, None, Part | None]:
    """Returns what ended the answer, None where the process ended before it."""
    while len(head := stream.read(HEAD.size)) == HEAD.size:
        content = stream.read(length_of(head))
        part = part_of(head, content)
        yield part
        if isinstance(part, Ended | Refused):
            return part
    return None


def refusal_of(code: int, seconds: float) -> Refused:
    """What the end of the process that answered says about the question."""
    if code == -signal.SIGALRM:
        return Refused("time", f"it ran longer than {seconds:g} s and was ended")
    how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
    return Refused("work", f"the process that answered it ended {how}: it may have needed more memory than there is")
