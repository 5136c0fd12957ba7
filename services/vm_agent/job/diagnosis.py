"""What a step's record says for those who compare steps: its kind of command and, of a failure, what it is known by.

Of masked output alone, and of the step as it is written: nothing here was evaluated. Why a thing failed in the words of
its `why` is decided where it fails.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from libs.contracts.attempt import StepFinished
from libs.contracts.plan import PlannedStep
from libs.failures.categories import End, category
from libs.failures.commands import command_class
from libs.failures.fingerprint import fingerprint
from services.vm_agent.job.surroundings import Surroundings
from services.vm_agent.sandbox.protocol import Exit


def end_of(exit: Exit) -> End:
    return End(exit.code, exit.signal, exit.out_of_memory, disk_full=bool(exit.full))


def command_of(planned: PlannedStep, default_shell: str | None) -> str:
    inputs = planned.with_ if isinstance(planned.with_, dict) else {}
    return command_class(planned.run, planned.uses, planned.shell or default_shell, inputs)


def diagnosed(
    event: StepFinished, around: Surroundings, end: End, errors: Sequence[str], tail: Sequence[str]
) -> StepFinished:
    """`errors` and `tail` as in `fingerprint`; of what did not fail the event as it is."""
    found = category(event.outcome, end, [*tail, *errors])
    if event.outcome != "failure":
        return replace(event, category=found) if found else event
    folders = (around.places.workspace, around.places.temp)
    known_by = fingerprint(event.exit_code, errors, tail, mask=around.masker.mask, folders=folders)
    return replace(event, fingerprint=known_by.hash, said=known_by.said, category=found)
