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
    TimeoutFact,
    VmFact,
)
from services.learner.folding.facts_learned import AdviceFact, EffectFact, ModelFact, OptInsFact, RecognitionFact
from services.learner.store.keys import Kids
from services.learner.store.schema import (
    ADVICE,
    ATTEMPT,
    DELIVERY,
    EFFECT,
    HOST,
    INTAKE,
    JOB,
    MODEL,
    OPT_INS,
    PLAN,
    RECOGNITION,
    RUN,
    STEP,
    TIMEOUT,
    VM,
)
from services.learner.store.table import Table

TABLE_OF: dict[type[Fact], Table] = {
    DeliveryFact: DELIVERY,
    IntakeFact: INTAKE,
    PlanFact: PLAN,
    RunFact: RUN,
    JobFact: JOB,
    AttemptFact: ATTEMPT,
    StepFact: STEP,
    TimeoutFact: TIMEOUT,
    HostFact: HOST,
    VmFact: VM,
    AdviceFact: ADVICE,
    EffectFact: EFFECT,
    RecognitionFact: RECOGNITION,
    OptInsFact: OPT_INS,
    ModelFact: MODEL,
}

Columns = list[list[object]]


def columns(facts: list[Fact], kids: dict[int, Kids]) -> list[tuple[Table, Columns]]:
    """`kids` are the keys of facts by their place in the list, as `Keys.resolve` gives them."""
    places: dict[type[Fact], list[int]] = {}
    for place, fact in enumerate(facts):
        places.setdefault(type(fact), []).append(place)
    return [(TABLE_OF[kind], _of_table(TABLE_OF[kind], facts, at, kids)) for kind, at in places.items()]


def _of_table(table: Table, facts: list[Fact], places: list[int], kids: dict[int, Kids]) -> Columns:
    rows = [facts[place] for place in places]
    key_columns = [name for name in table.columns if name.endswith("_kid")]
    # One tuple a row becomes one list a key column.
    keys = (
        dict(zip(key_columns, map(list, zip(*(kids[place] for place in places), strict=True)), strict=True))
        if (key_columns)
        else {}
    )
    return [keys[name] if name in keys else list(map(attrgetter(name), rows)) for name in table.columns]
