"""Network namespaces of machines by name: which there are, and their removal. They are made in `network`.

Only the standard library (see `footprint`): the watchdog and the sweep remove them too.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess

FOLDER = "/run/netns"
LINK_PREFIX = "fbv"
REMOVE_SECONDS = 10.0


def link_of(name: str) -> str:
    """The host's end of a namespace's link; the kernel takes 15 characters."""
    return LINK_PREFIX + hashlib.sha256(name.encode()).hexdigest()[:12]


def with_prefix(prefix: str) -> list[str]:
    try:
        return sorted(name for name in os.listdir(FOLDER) if name.startswith(prefix))
    except OSError:
        return []


def exists(name: str) -> bool:
    return os.path.exists(f"{FOLDER}/{name}")


def remove(name: str) -> None:
    """With its devices; nothing where there is none. Raises OSError."""
    # The link first: a namespace whose last process has just ended is taken down by the kernel when it has time.
    with contextlib.suppress(OSError):
        _ip("link", "delete", link_of(name))
    if exists(name):
        _ip("netns", "delete", name)


def _ip(*arguments: str) -> None:
    try:
        done = subprocess.run(
            ["ip", *arguments], capture_output=True, timeout=REMOVE_SECONDS, check=False, stdin=subprocess.DEVNULL,
            env={"PATH": "/usr/sbin:/sbin:/usr/bin:/bin"},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise OSError(f"`ip {' '.join(arguments)}` took longer than {REMOVE_SECONDS:g} s") from None
    if done.returncode != 0:
        raise OSError(f"`ip {' '.join(arguments)}`: {done.stderr.decode(errors='replace').strip()[:300]}")
