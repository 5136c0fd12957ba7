"""Where a job's folders are in a guest; the same in every driver that has a guest of its own."""

from __future__ import annotations

from services.vm_agent.sandbox.protocol import GuestPaths

GUEST_UID = 1001
"""The number that GitHub's `runner` has."""
PATHS = GuestPaths(
    home="/home/runner",
    work="/home/runner/work",
    temp="/home/runner/work/_temp",
    tool_cache="/opt/hostedtoolcache",
)
