"""Facts become columns: per table one list a column, in the table's order. Pure; the last step before Arrow."""

from __future__ import annotations

from operator import attrgetter

from services.learner.folding.facts import (
    AttemptFact,
    DeliveryFact,
    Fact,
    HostFact,
    IntakeFact,
    JobFact,
    PlanFact,
    RunFact,
    StepFact,
)
from services.learner.store.schema import ATTEMPT, DELIVERY, HOST, INTAKE, JOB, PLAN, RUN, STEP, Table

TABLE_OF: dict[type[Fact], Table] = {
    DeliveryFact: DELIVERY,
    IntakeFact: INTAKE,
    PlanFact: PLAN,
    RunFact: RUN,
    JobFact: JOB,
    AttemptFact: ATTEMPT,
    StepFact: STEP,
    HostFact: HOST,
}
_KEYS = frozenset({"workflow_kid", "job_kid", "step_kid"})

Columns = list[list[object]]


def columns(facts: list[Fact], kids: dict[int, int]) -> list[tuple[Table, Columns]]:
    """`kids` are the keys of facts by their place in the list, as `Keys.resolve` gives them."""
    places: dict[type[Fact], list[int]] = {}
    for place, fact in enumerate(facts):
        places.setdefault(type(fact), []).append(place)
    return [(TABLE_OF[kind], _of_table(TABLE_OF[kind], facts, at, kids)) for kind, at in places.items()]


def _of_table(table: Table, facts: list[Fact], places: list[int], kids: dict[int, int]) -> Columns:
    rows = [facts[place] for place in places]
    return [
        [kids[place] for place in places] if name in _KEYS else list(map(attrgetter(name), rows))
        for name in table.columns
    ]
