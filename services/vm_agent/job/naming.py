"""What a step is called: in the log and the events (`name`), and in `github.action`."""

from __future__ import annotations

import re

from libs.contracts.plan import PlannedStep

NAME_CHARACTERS = 200
"""Of a name in an event: one line of a terminal, and of a page."""
_WHITE = " \t\r\n"


def display_template(step: PlannedStep) -> str:
    """The name as a template: the one that was given, else `Run` and what is run."""
    if step.name:
        return step.name
    if step.wait is not None:
        return "Wait"
    if step.cancel is not None:
        return "Cancel"
    return f"Run {first_line(step.run)}" if step.run is not None else f"Run {step.uses or ''}"


def first_line(script: str) -> str:
    return re.split(r"[\r\n]", script.lstrip(_WHITE), maxsplit=1)[0]


def shortened(name: str) -> str:
    one_line = " ".join(name.split()) or "Run"
    return one_line if len(one_line) <= NAME_CHARACTERS else one_line[: NAME_CHARACTERS - 1] + "…"


def _action_name(uses: str) -> str:
    """Without its path and version; every action of the repository itself is `__self`."""
    if uses.startswith(("./", ".\\", "$/")):
        return "__self"
    if uses.startswith("docker://"):
        name = uses.removeprefix("docker://")
    else:
        name = "/".join(uses.partition("@")[0].split("/")[:2])
    return "__" + re.sub(r"[^A-Za-z0-9]", "_", name)


def action_names(steps: tuple[PlannedStep, ...]) -> list[str]:
    """`github.action` of each step: its id, or `__run`, `__run_2`, `__actions_checkout`, as GitHub counts them."""
    seen: dict[str, int] = {}
    names: list[str] = []
    for step in steps:
        if step.id:
            names.append(step.id)
            continue
        if step.wait is not None or step.cancel is not None:
            names.append("__wait" if step.cancel is None else "__cancel")
            continue
        base = "__run" if step.run is not None else _action_name(step.uses or "")
        seen[base] = seen.get(base, 0) + 1
        names.append(base if seen[base] == 1 else f"{base}_{seen[base]}")
    return names
