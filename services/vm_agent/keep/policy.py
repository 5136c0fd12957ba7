"""Whether the machine of a job that failed is kept, and what of it: a pure decision, made here alone.

A memory image cannot be rid of a secret, and a fork's code is nobody's friend: both are thrown away unless the
operator, and for a secret the repository too, said otherwise. It knows neither files nor machines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from libs.contracts.plan import Trust

SAVE_BYTES = 8 * 1024**3
"""The most that one save may take: a machine's memory and what its disk holds. More would fill hosts with failures."""
FREE_BYTES = 2 * 1024**3
"""What a save leaves free on the host's disk: running jobs need it more."""
LEAST_BYTES = 64 * 1024**2
"""Below this there is no use in beginning."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The operator's word."""

    count: int
    seconds: int
    forks: bool
    secrets: bool


@dataclass(frozen=True, slots=True)
class Failed:
    """A job at its first failing step. `repository_consents`: to keep the memory of a job that was given a secret."""

    trust: Trust
    had_secret: bool
    repository_consents: bool = False
    savable: bool = True


@dataclass(frozen=True, slots=True)
class Room:
    """`kept` are the names of what is kept, each with its end."""

    kept: Sequence[tuple[str, datetime]]
    free_bytes: int


@dataclass(frozen=True, slots=True)
class Keep:
    """`evict` goes before anything is written. `limit_bytes` bounds all that is."""

    memory: bool
    limit_bytes: int
    evict: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Not:
    why: str


def decide(failed: Failed, rules: Rules, room: Room) -> Keep | Not:
    """The oldest goes first where there are too many."""
    if failed.trust == "fork" and not rules.forks:
        return Not("it ran a fork's code: FIREBREAK_KEEP_FORKS is off on this host")
    if not failed.savable:
        return Not("this driver cannot save a machine; qemu can")
    limit_bytes = min(SAVE_BYTES, room.free_bytes - FREE_BYTES)
    if limit_bytes < LEAST_BYTES:
        return Not(f"the host's disk has {room.free_bytes // 1024**2} MiB free, and {FREE_BYTES // 1024**2} stay free")
    oldest = [name for name, _ in sorted(room.kept, key=lambda one: (one[1], one[0]))]
    too_many = max(0, len(oldest) - rules.count + 1)
    consented = rules.secrets and failed.repository_consents
    return Keep(not failed.had_secret or consented, limit_bytes, tuple(oldest[:too_many]))
