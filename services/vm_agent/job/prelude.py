"""What a step's log begins with, as on GitHub: what is run, with which inputs and variables, in one group."""

from __future__ import annotations

from collections.abc import Mapping

from libs.contracts.attempt import StepPart

CLEANUP = "Post job cleanup."


def action_prelude(uses: str, part: StepPart, inputs: Mapping[str, str], env: Mapping[str, str]) -> str:
    given = {name: value for name, value in inputs.items() if value}
    head = [CLEANUP] if part == "post" else []
    return "\n".join([*head, f"##[group]Run {uses}", *block("with", given), *block("env", env), "##[endgroup]"])


def block(name: str, values: Mapping[str, str]) -> list[str]:
    return [f"{name}:", *(f"  {key}: {value}" for key, value in values.items())] if values else []
