"""What a sandbox is to the kernel, so that others than its driver can stop it, find it and remove it.

The watchdog and the sweep work from this alone. Only the standard library is imported here: the watchdog starts in
milliseconds and must not depend on what the agent depends on.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

FILE_NAME = "footprint.json"


class Footprint(NamedTuple):
    """A pid alone may have changed hands, so each has its start time beside it, in clock ticks."""

    id: str
    folder: str
    """Its files on the host, "" where there are none. A process that stands in it, or whose environment or command line
    names it, is the sandbox's own."""
    cgroups: tuple[str, ...] = ()
    """Folders of its own below /sys/fs/cgroup; all its processes are in each of them."""
    init: int = 0
    """The process whose end ends all others of its pid namespace; 0 where there is none."""
    init_started: int = 0
    namespace: str = ""
    """The name of its network namespace, "" where it has none."""
    owner: int = 0
    """The agent's process; while it lives, a sandbox is no leftover."""
    owner_started: int = 0

    def to_json(self) -> str:
        return json.dumps(self._asdict())


def from_json(text: str | bytes) -> Footprint:
    """Raises ValueError where the text is no footprint."""
    try:
        fields: dict[str, Any] = json.loads(text)
        fields["cgroups"] = tuple(str(path) for path in fields.get("cgroups", ()))
        return Footprint(**fields)
    except (TypeError, AttributeError) as trouble:
        raise ValueError(f"no footprint: {trouble}") from None
