"""What an action is given: the step's `with` over the action's defaults, and the variables that carry it."""

from __future__ import annotations

from collections.abc import Mapping

from libs.workflow.actions.model import Action, Docker
from services.vm_agent.job.site import Site

_DEFAULT = "action.inputs.<input_id>.default"
_OF_DOCKER = ("entrypoint", "args")
"""Not declared, and valid for every Docker action."""


async def read_inputs(site: Site, action: Action, *, tell: bool) -> dict[str, str]:
    """Evaluated, by the names that the action declares. `tell`: doubts about them are said. Raises BadKey."""
    given = await site.evaluator().mapping(site.planned.with_, site.key("with"))
    declared = {one.name.lower(): one for one in action.inputs}
    values = {declared[name.lower()].name if name.lower() in declared else name: text for name, text in given.items()}
    if tell:
        for doubt in doubts(action, values):
            await site.output.warning(doubt)
    for one in action.inputs:
        if one.name not in values:
            values[one.name] = await site.evaluator().scalar(one.default, _DEFAULT)
    return values


def doubts(action: Action, given: Mapping[str, str]) -> list[str]:
    """What is said of inputs that nobody declared, that are deprecated, that are missing: it fails nobody, as on
    GitHub, where an action itself asks for what it must have."""
    declared = {one.name for one in action.inputs}
    known = {*declared, *(_OF_DOCKER if isinstance(action.runs, Docker) else ())}
    unknown = [name for name in given if name not in known and name.lower() not in known]
    said: list[str] = []
    if unknown:
        valid = ", ".join(f"'{one.name}'" for one in action.inputs)
        said.append(f"Unexpected input(s) {', '.join(map(repr, unknown))}, valid inputs are [{valid}]")
    for one in action.inputs:
        if one.name in given and one.deprecation:
            said.append(f"Input '{one.name}' has been deprecated with message: {one.deprecation}")
        elif one.name not in given and one.required and one.default is None:
            said.append(f"Input required and not supplied: {one.name}")
    return said


def input_variables(inputs: Mapping[str, str]) -> dict[str, str]:
    return {f"INPUT_{name.replace(' ', '_').upper()}": value for name, value in inputs.items()}


def state_variables(state: Mapping[str, str]) -> dict[str, str]:
    return {f"STATE_{name}": value for name, value in state.items()}
