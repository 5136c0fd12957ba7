"""The matching process of one job: `python -m services.vm_agent.log.matching`, by `process`.

It reads the job's matchers and lines and answers with what they find. A line that takes a matcher longer than
`LINE_SECONDS` of computing costs the matcher its place, as in GitHub's runner; a job whose matchers have used up
`JOB_SECONDS` is told that it is over. Memory is bounded by the kernel. Only the standard library: it must start fast.
"""

from __future__ import annotations

import dataclasses
import json
import resource
import signal
import sys
import time
from typing import BinaryIO, cast

from libs.workflow.runner.matchers.configuration import BadMatchers, read_matchers
from libs.workflow.runner.matchers.finding import Finding, without_colours
from libs.workflow.runner.matchers.matching import JobMatching, PatternRefused, TooSlow
from services.vm_agent.log.matching.frames import FRAME_BYTES, LENGTH, frame

LINE_SECONDS = 1.0
"""The runner's. It is seen between one and two of them: the clock ticks by itself, and costs no line anything."""
JOB_SECONDS = 120.0
"""Of computing in all: half a million lines with ten matchers take ten."""
MEMORY_BYTES = 512 * 1024 * 1024
LINE_CHARACTERS = 16 * 1024
"""A longer line is no compiler's message, and is not looked at."""


class Clock:
    """Ends what runs for longer than one tick. `begin` is called for each thing that may take long."""

    def __init__(self, tick_seconds: float) -> None:
        self._now, self._seen, self._armed = 0, -1, False
        signal.signal(signal.SIGVTALRM, self._tick)
        signal.setitimer(signal.ITIMER_VIRTUAL, tick_seconds, tick_seconds)

    def begin(self) -> None:
        self._now += 1
        self._armed = True

    def end(self) -> None:
        self._armed = False

    def _tick(self, number: int, where: object) -> None:
        if self._armed and self._seen == self._now:
            self._armed = False
            raise TooSlow
        self._seen = self._now


class Server:
    def __init__(self) -> None:
        self._matching = JobMatching()
        self._clock = Clock(LINE_SECONDS)

    def answer(self, request: dict[str, object]) -> dict[str, object]:
        try:
            self._clock.begin()
            return self._do(request)
        except BadMatchers as error:
            return {"bad": str(error)}
        except PatternRefused as error:
            return {"refused": str(error)}
        except TooSlow:
            return {"refused": "A pattern takes too long to be compiled."}
        finally:
            self._clock.end()

    def _do(self, request: dict[str, object]) -> dict[str, object]:
        text = str(request.get("text", ""))
        match request["do"]:
            case "add":
                return {"owners": self._matching.add(text)}
            case "remove":
                owners = cast("list[str]", request["owners"])
                return {"owners": self._matching.remove(owners)}
            case "forget":
                return {"owners": self._matching.remove([matcher.owner for matcher in read_matchers(text)])}
            case "end":
                self._matching.end(cast("int", request["step"]))
                return {}
            case _:
                return self._match(cast("int", request["step"]), cast("list[str]", request["lines"]))

    def _match(self, number: int, lines: list[str]) -> dict[str, object]:
        found: list[object] = []
        slow: list[str] = []
        step = self._matching.step(number)
        for place, line in enumerate(lines):
            if len(line) > LINE_CHARACTERS:
                continue
            shown = without_colours(line)
            self._clock.begin()
            for one in step.match(shown):
                match one:
                    case Finding():
                        found.append([place, shown, dataclasses.asdict(one)])
                    case owner:
                        slow.append(owner)
                self._clock.begin()
        return {"found": found, "slow": slow, "over": time.process_time() > JOB_SECONDS}


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    server = Server()
    reading, writing = sys.stdin.buffer, sys.stdout.buffer
    while (request := _read(reading)) is not None:
        writing.write(frame(server.answer(request)))
        writing.flush()


def _read(reading: BinaryIO) -> dict[str, object] | None:
    """None where the agent has closed, or is gone."""
    head = reading.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    size = LENGTH.unpack(head)[0]
    data = reading.read(min(size, FRAME_BYTES))
    return json.loads(data) if len(data) == size else None


if __name__ == "__main__":
    main()
