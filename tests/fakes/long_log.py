"""A long log quickly: one run as the services write it, again and again under other numbers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from libs.bus.memory import MemoryBus
from libs.bus.port import CaughtUp, Stored
from libs.contracts import attempt, run, subjects
from tests.fakes.history import History

STEPS = 20
"""Of a run, in one job; each is two events, a start and an end, of the 47 messages of a run."""
WORKFLOWS = 50
_RUN, _WORKFLOW = 424_242_424_242, "workflow-no-77"
_DAY = timedelta(days=1)


async def one_run() -> list[Stored]:
    """The messages of a run."""
    bus = MemoryBus()
    history = History(bus)
    one = history.one_run(_RUN, path=f".github/workflows/{_WORKFLOW}.yml", workflow=_WORKFLOW)
    await one.planned()
    await one.say(run.RunStarted())
    await one.queued("build")
    await one.assigned("build")
    await one.started("build")
    for index in range(STEPS):
        await one.at("build", 1, attempt.StepStarted(index, f"Run make part-{index}"))
        failed = index == STEPS - 1
        await one.step("build", index, f"Run make part-{index}", "failure" if failed else "success", ms=1234.5 + index)
    await one.finished("build", "failure")
    await one.over("failure", steps_run=STEPS)
    tail = bus.tail(subjects.EVENTS, ("ev.>",), 0, follow=False)
    return [message async for message in tail if not isinstance(message, CaughtUp)]


def repeated(messages: list[Stored], runs: int, days: int) -> Iterator[Stored]:
    """The messages of so many runs, spread over so many days of which the last one is yesterday."""
    end = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    begin, pause = end - days * _DAY, days * _DAY / (runs * len(messages))
    bodies = [(message.subject, message.data.decode(), message.headers) for message in messages]
    seq = 0
    for number in range(1, runs + 1):
        run_id, workflow = str(_RUN + number), f"workflow-no-{number % WORKFLOWS}"
        for subject, data, headers in bodies:
            text = data.replace(str(_RUN), run_id).replace(_WORKFLOW, workflow)
            moment = begin + seq * pause
            seq += 1
            yield Stored(seq, subject.replace(str(_RUN), run_id), text.encode(), moment, headers)
