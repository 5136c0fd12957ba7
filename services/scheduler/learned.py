"""What the learner knows of one repository's jobs, as far as the repository and the operator let it be used.

A value, made of the last advice and the last declaration; what follows from it is decided beside: limits (`limits`),
another attempt (`flaky`), the order of placement (`wants`). Without either, all of them decide as if nobody learned.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from libs.contracts.advice import AdviceGiven, DurationAdvice, FlakyAdvice, TimeoutAdvice
from libs.contracts.ids import JobKey
from libs.contracts.opt_ins import OptIns
from libs.contracts.plan import Plan


class JobAt(msgspec.Struct, frozen=True):
    """A job across the runs of its workflow: advice is given for it by these two."""

    path: str
    job: JobKey


class Bounds(msgspec.Struct, frozen=True):
    """The operator's word: what no repository can opt into, and how short a learned limit may be."""

    forbidden: frozenset[str] = frozenset()
    floor_ms: int = 300_000


NO_LIMITS: Mapping[JobAt, TimeoutAdvice] = MappingProxyType({})
NO_DURATIONS: Mapping[JobAt, DurationAdvice] = MappingProxyType({})
NO_FLAKY: Mapping[JobAt, tuple[FlakyAdvice, ...]] = MappingProxyType({})


class Learned(msgspec.Struct, frozen=True):
    """`limits` is empty unless they may be applied, `retries` 0 unless a flaky job may be run again. `position` is the
    place of the advice in the log.
    """

    position: int = 0
    limits: Mapping[JobAt, TimeoutAdvice] = NO_LIMITS
    durations: Mapping[JobAt, DurationAdvice] = NO_DURATIONS
    flaky: Mapping[JobAt, tuple[FlakyAdvice, ...]] = NO_FLAKY
    retries: int = 0
    floor_ms: int = 300_000


NOTHING = Learned()


def learned(given: AdviceGiven | None, position: int, opt_ins: OptIns, bounds: Bounds) -> Learned:
    """`given` stands at `position` of the log; None where nothing was ever advised."""
    if given is None:
        return NOTHING
    applies = opt_ins.timeouts == "apply" and "timeouts" not in bounds.forbidden
    retries = 0 if "retries" in bounds.forbidden else opt_ins.retry_flaky
    limits: dict[JobAt, TimeoutAdvice] = {}
    durations: dict[JobAt, DurationAdvice] = {}
    flaky: dict[JobAt, tuple[FlakyAdvice, ...]] = {}
    for advice in given.advice:
        if isinstance(advice, TimeoutAdvice) and applies:
            limits[JobAt(advice.path, advice.job)] = advice
        elif isinstance(advice, DurationAdvice):
            durations[JobAt(advice.path, advice.job)] = advice
        elif isinstance(advice, FlakyAdvice) and retries and advice.state == "flaky":
            at = JobAt(advice.path, advice.job)
            flaky[at] = (*flaky.get(at, ()), advice)
    return Learned(position, limits, durations, flaky, retries, bounds.floor_ms)


def may_act(plan: Plan) -> bool:
    """Whether what was learned may change how this run goes: not a stranger's, whose code could make it look as it
    likes, and not one that tries out a proposal.
    """
    return plan.trust == "own" and not plan.trial
