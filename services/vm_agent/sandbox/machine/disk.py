"""A job's work disk: an empty ext4 file system in a sparse file, made on the host in some milliseconds.

Its content is the guest's word from then on: the host never mounts it.
"""

from __future__ import annotations

import os
import subprocess

from services.vm_agent.sandbox.protocol import SandboxLost

MAKE_SECONDS = 30.0
FEATURES = ("-O", "^has_journal", "-E", "lazy_itable_init=1,lazy_journal_init=1,nodiscard,root_owner=1001:1001")
"""No journal: a job's disk never outlives a crash. The rest leaves for later what the kernel can do in the guest."""
LEAST_FREE_BYTES = 256 * 1024**2
"""Below this no machine is started: a guest whose disk cannot grow fails in ways that nobody understands."""


def make(path: str, size_bytes: int) -> None:
    """Blocking. Raises SandboxLost."""
    check_room(os.path.dirname(path))
    with open(path, "wb") as file:
        file.truncate(size_bytes)
    try:
        command = ["mkfs.ext4", "-q", "-F", "-m", "0", *FEATURES, path]
        subprocess.run(
            command,
            check=True,
            capture_output=True,
            timeout=MAKE_SECONDS,
            env={"PATH": "/usr/sbin:/sbin:/usr/bin:/bin"},
        )
    except FileNotFoundError:
        raise SandboxLost("`mkfs.ext4` is missing, which makes a job's disk: install the package e2fsprogs") from None
    except subprocess.TimeoutExpired:
        raise SandboxLost(f"the job's disk was not made within {MAKE_SECONDS:g} s") from None
    except subprocess.CalledProcessError as error:
        why = error.stderr.decode(errors="replace").strip()[:500]
        raise SandboxLost(f"the job's disk could not be made in {os.path.dirname(path)}: {why}") from None


def check_room(folder: str) -> None:
    """Raises SandboxLost."""
    found = os.statvfs(folder)
    free = found.f_bavail * found.f_frsize
    if free < LEAST_FREE_BYTES:
        raise SandboxLost(
            f"the disk of {folder} is full: {free / 1024**2:.0f} MiB are free, a machine needs "
            f"{LEAST_FREE_BYTES / 1024**2:.0f}; free some, or set FIREBREAK_HOME to another disk"
        )


def copy_sparse(source: str, target: str) -> None:
    """Blocking; holes stay holes. Raises SandboxLost."""
    command = ["cp", "--sparse=always", "--reflink=auto", source, target]
    done = subprocess.run(command, check=False, capture_output=True)
    if done.returncode != 0:
        raise SandboxLost(f"a disk could not be copied: {done.stderr.decode(errors='replace').strip()[:300]}")
