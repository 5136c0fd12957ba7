"""What a probe found, kept until the host is restarted: a guest that is tried takes seconds, and a KVM that runs none
takes all of a probe's time at each start of an agent.

Only what a guest showed is worth keeping; what is missing is looked for anew each time.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from services.vm_agent.sandbox.protocol import Probe

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
FILE_BYTES = 64 * 1024


class _Remembered(msgspec.Struct, frozen=True):
    """`fit` is all that the answer depends on, beside the host."""

    boot_id: str
    fit: tuple[str, ...]
    works: bool
    why: str


def recall(path: Path, fit: Sequence[str]) -> Probe | None:
    """None where there is nothing, or where it was another host's life, VMM or image."""
    try:
        with path.open("rb") as file:
            known = msgspec.json.decode(file.read(FILE_BYTES), type=_Remembered)
    except (OSError, msgspec.MsgspecError):
        return None
    if (known.boot_id, known.fit) != (BOOT_ID.read_text(), tuple(fit)):
        return None
    return Probe(works=known.works, why=known.why)


def remember(path: Path, fit: Sequence[str], probe: Probe) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.encode(_Remembered(BOOT_ID.read_text(), tuple(fit), probe.works, probe.why)))
