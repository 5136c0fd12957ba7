"""Finds an action and reads what it says of itself; for a composite action also the actions that its steps use.

What lies in the workspace is read when its step comes: until then a checkout may still bring it.
"""

from __future__ import annotations

from libs.workflow.actions.model import Composite
from libs.workflow.actions.uses import BadUses, Image, Local, Reference, parse_uses
from services.vm_agent.job.actions.actions import Actions
from services.vm_agent.job.actions.definition import read_definition
from services.vm_agent.job.actions.use import DEPTH, ActionFailed, Slot, Use
from services.vm_agent.job.checkout import is_checkout

USES = 1000
"""Of one job, those within composite actions counted: nesting multiplies, and each is a file to read."""


def reference_of(uses: str) -> Reference:
    """Raises ActionFailed."""
    try:
        return parse_uses(uses)
    except BadUses as error:
        raise ActionFailed(str(error)) from None


def is_fetched(uses: str) -> bool:
    """Whether its files come from a repository, before the first step runs. Raises ActionFailed."""
    return not is_checkout(uses) and not isinstance(reference_of(uses), Local | Image)


async def prepare(actions: Actions, slot: Slot, uses: str) -> Use:
    """Raises ActionFailed, SandboxError."""
    reference = reference_of(uses)
    assert not isinstance(reference, Image)
    if slot.depth > DEPTH:
        raise ActionFailed(f"Composite action depth exceeded max depth {DEPTH}, at `uses: {uses}`")
    actions.uses.count += 1
    if actions.uses.count > USES:
        raise ActionFailed(f"The job uses more than {USES} actions, those within composite actions counted")
    found = await actions.library.find(reference, slot.origin)
    use = Use(found, await read_definition(actions.library.sandbox, found), slot.depth)
    slot.uses[slot.place] = use
    if isinstance(use.action.runs, Composite):
        for index, step in enumerate(use.action.runs.steps):
            if step.uses is not None and is_fetched(step.uses):
                inner = Slot(use.steps, use.begun, index, found.origin, slot.depth + 1)
                await prepare(actions, inner, step.uses)
    return use
