"""How the work of a step ended, whatever it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from libs.contracts.results import Result
from libs.failures.categories import UNKNOWN_END, End


@dataclass(frozen=True, slots=True)
class Worked:
    """Before `continue-on-error`. `answers`: its runner files are there to be read."""

    outcome: Result
    exit_code: int | None = None
    why: str = ""
    outputs: Mapping[str, str] | None = None
    answers: bool = False
    end: End = UNKNOWN_END
    """What is known of its process's end, for whoever says why it failed."""
