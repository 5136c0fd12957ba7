"""How a step was run, so that it can be run again in what the job left, and in what state a job failed.

Architecture invariant: values in here are not masked. They go nowhere but into the sealed part of a save.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec


class Recipe(msgspec.Struct, frozen=True):
    """A script that was started: `script` lay at `path`."""

    index: int
    name: str
    argv: tuple[str, ...]
    env: dict[str, str]
    folder: str
    path: str
    script: str


class Story(msgspec.Struct, frozen=True):
    """What a debugger needs: where the failing step stood, and what ran before it, it included."""

    step: int
    env: dict[str, str]
    folder: str
    recipes: tuple[Recipe, ...] = ()


def without_secrets(story: Story, holds_secret: Callable[[str], bool]) -> Story:
    """For a save that must hold none: variables with a secret are left out, and steps whose script has one."""

    def clean(env: dict[str, str]) -> dict[str, str]:
        return {name: value for name, value in env.items() if not holds_secret(value)}

    recipes = tuple(
        msgspec.structs.replace(one, env=clean(one.env)) for one in story.recipes if not holds_secret(one.script)
    )
    return msgspec.structs.replace(story, env=clean(story.env), recipes=recipes)
