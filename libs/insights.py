"""Reads from the log what was learned about one run: three short reads, each of which may find nothing."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from libs.bus.port import Bus, Stored
from libs.contracts import subjects
from libs.contracts.envelope import Commit, decode_commit
from libs.contracts.ids import RepositoryId, RunId
from libs.views.insights import Insights, insights
from libs.views.standing import standing


async def read_insights(bus: Bus, run_id: RunId, repository_id: RepositoryId) -> Insights:
    """Raises BusDown."""
    recognized = await bus.load(subjects.any_recognition(run_id))
    said = await bus.load(subjects.model(repository_id, str(run_id)))
    given = await bus.last(subjects.advice(repository_id))
    advice = None if given is None else standing(given, given.time)
    return insights(_commits(recognized), _commits(said), advice)


def _commits(stored: Iterable[Stored]) -> list[Commit]:
    commits: list[Commit] = []
    for message in stored:
        try:
            commits.append(decode_commit(message.data))
        except msgspec.DecodeError:
            continue
    return commits
