"""What is to be said of a repository, or to the hosts, given what stands: everything or nothing. Pure.

Level-triggered: the same memory and the same standing advice give the same answer, so an advice that was given twice
over, by a learner that was killed or by two, is given once.
"""

from __future__ import annotations

from datetime import datetime

from libs.contracts.advice import Advice, AdviceEvent, AdviceGiven, AdviceMeasured
from libs.contracts.envelope import encode
from libs.views.standing import Standing
from services.learner.advising.material import is_material
from services.learner.advising.measuring import measure
from services.learner.advising.memory import HOSTS, Memory
from services.learner.advising.wanted import wanted, wanted_pools

MEASURED_BYTES = 200_000
"""Beside the advice itself in one message: a thousand totals, those of the busiest jobs."""


def decide(memory: Memory, repository_id: int, standing: Standing, now: datetime, floor_ms: float) -> list[AdviceEvent]:
    """The commit's events; none where what stands is still right. `repository_id` may be `HOSTS`."""
    if memory.position < standing.given.position:
        return []  # another learner knows more of the log than this one
    seconds = now.timestamp()
    pieces: tuple[Advice, ...]
    pieces = (
        wanted_pools(memory, seconds) if repository_id == HOSTS else wanted(memory, repository_id, seconds, floor_ms)
    )
    measured = measure(memory, repository_id, standing, now)
    if not is_material(standing, pieces, measured, now):
        return []
    repository = memory.repositories.get(repository_id)
    given = AdviceGiven(memory.position, pieces, repository.name if repository else "")
    return [given, *_bounded(measured)]


def _bounded(measured: tuple[AdviceMeasured, ...]) -> list[AdviceEvent]:
    room = MEASURED_BYTES
    kept: list[AdviceEvent] = []
    for each in sorted(measured, key=lambda one: -one.seen):
        room -= len(encode(each))
        if room < 0:
            break
        kept.append(each)
    return kept
