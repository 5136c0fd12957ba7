"""The steps that a plan does not have: what the actions of its steps do before all of them, and after.

Before in the order of the steps; after in the reverse of the order in which the actions first ran.
"""

from __future__ import annotations

import msgspec.structs

from libs.contracts.attempt import StepPart
from libs.contracts.plan import PlannedStep
from services.vm_agent.job.actions.composite import condition_of
from services.vm_agent.job.actions.use import Use, Uses
from services.vm_agent.job.state import JobState
from services.vm_agent.job.step import Extra

Part = tuple[PlannedStep, Extra]
_PREFIXES: dict[StepPart, str] = {"pre": "Pre ", "post": "Post "}


def parts_before(state: JobState, uses: Uses) -> list[Part]:
    wanted = [(step, uses.steps[step.index]) for step in state.order.planned.steps if step.index in uses.steps]
    return [_part(state, step, use, "pre") for step, use in wanted if use.has_pre]


def parts_after(state: JobState, uses: Uses) -> list[Part]:
    steps = {step.index: step for step in state.order.planned.steps}
    begun = [(steps[index], uses.steps[index]) for index in reversed(uses.begun)]
    return [_part(state, step, use, "post") for step, use in begun if use.wants_post]


def _part(state: JobState, step: PlannedStep, use: Use, part: StepPart) -> Part:
    planned = msgspec.structs.replace(
        step, index=state.beyond_plan(), id=None, if_=condition_of(use, part), background=False
    )
    return planned, Extra(part, step.index, _PREFIXES[part])
