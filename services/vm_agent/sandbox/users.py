"""Users that sandboxes run as, so that two of them share no file, no limit and no process."""

from __future__ import annotations

import os
from pathlib import Path

OWN_UIDS_FIRST = 0x7000_0000
OWN_UIDS = 0x0F00_0000
"""Above every range that distributions and systemd hand out, so that two sandboxes share no file and no limit."""
NOBODY = 65534


def own_uid() -> int | None:
    """The user that jobs run as; None for the agent's own, where that is not root.

    With root's own number a job without any capability could still write what belongs to root, /proc/sys among it.
    """
    if os.geteuid() != 0:
        return None
    wanted = OWN_UIDS_FIRST + int.from_bytes(os.urandom(4), "big") % OWN_UIDS
    ranges = [line.split() for line in Path("/proc/self/uid_map").read_text().splitlines()]
    mapped = any(int(first) <= wanted < int(first) + int(count) for first, _, count in ranges)
    return wanted if mapped else NOBODY
