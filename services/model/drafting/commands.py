"""From the phases of another CI's job to steps: verbatim, and one step where a phase leaves something for the next."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from msgspec import Struct

from services.model.drafting.draft import Gap, Step, kept

_LEAVES = re.compile(
    r"^\s*(?:cd|pushd|popd|export|source|\.|set|shopt|alias|unset|umask|ulimit|eval|exec|nvm|rvm|conda|trap)\b"
    r"|^\s*\.\s|^\s*[A-Za-z_]\w*=\S*\s*$|^\s*\w+\s*\(\)",
    re.MULTILINE,
)
"""What of a command outlives it in the same shell."""


class Command(Struct, frozen=True):
    text: str
    line: int


class Phase(Struct, frozen=True):
    """Commands that belong together; `condition` is an `if` of its own, as for what runs in the end."""

    name: str
    commands: tuple[Command, ...]
    condition: str = ""


def steps_of(phases: Sequence[Phase]) -> tuple[list[Step], list[Gap]]:
    """Phases run in one shell in other CIs and in one each here: where that matters they become one step."""
    sound, gaps = _sound_phases(phases)
    main = [phase for phase in sound if not phase.condition]
    if len(main) > 1 and any(_leaves(phase) for phase in main[:-1]):
        names = [phase.name[0].lower() + phase.name[1:] for phase in main]
        name = f"{', '.join(names[:-1])} and {names[-1]}".capitalize()
        main = [Phase(name, tuple(command for phase in main for command in phase.commands))]
    return [_step(phase) for phase in [*main, *(phase for phase in sound if phase.condition)]], gaps


def separate_steps_of(phases: Sequence[Phase]) -> tuple[list[Step], list[Gap]]:
    """Where each has a shell of its own in the other CI, too. What runs in the end comes last."""
    sound, gaps = _sound_phases(phases)
    return [_step(phase) for phase in sorted(sound, key=lambda phase: bool(phase.condition))], gaps


def _sound_phases(phases: Iterable[Phase]) -> tuple[list[Phase], list[Gap]]:
    gaps: list[Gap] = []
    sound: list[Phase] = []
    for phase in phases:
        commands, refused = _sound(phase.commands)
        gaps += refused
        if commands:
            sound.append(Phase(phase.name, tuple(commands), phase.condition))
    return sound, gaps


def _sound(commands: Iterable[Command]) -> tuple[list[Command], list[Gap]]:
    found: list[Command] = []
    gaps: list[Gap] = []
    for command in commands:
        why = kept(command.text)
        if why:
            gaps.append(Gap(why, command.line))
        elif command.text.strip():
            found.append(command)
    return found, gaps


def _leaves(phase: Phase) -> bool:
    return any(_LEAVES.search(command.text) for command in phase.commands)


def _step(phase: Phase) -> Step:
    run = "\n".join(command.text.rstrip() for command in phase.commands)
    return Step(phase.name, run, condition=phase.condition, line=phase.commands[0].line)
