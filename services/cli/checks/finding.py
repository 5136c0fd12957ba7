"""What one look at this machine found, in words that say what to do. It knows nothing of how it was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["works", "missing", "optional"]
MARKS: dict[State, str] = {"works": "✓", "missing": "✗", "optional": "-"}


@dataclass(frozen=True, slots=True)
class Finding:
    """`optional`: it does not work, and much works without it."""

    what: str
    state: State
    says: str
