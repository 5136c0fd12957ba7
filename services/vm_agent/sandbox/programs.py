"""Finds the program of a command as a shell would, with the job's own PATH, and says in words why it cannot be run."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence

from services.vm_agent.sandbox.protocol import DEFAULT_PATH, CannotStart

NOT_FOUND = 127
NOT_EXECUTABLE = 126


def find(argv: Sequence[str], env: Mapping[str, str], cwd: str) -> str:
    """The absolute path of argv[0]. Raises CannotStart."""
    if not argv or not argv[0]:
        raise CannotStart("there is no command to run", NOT_FOUND)
    name = argv[0]
    if "/" in name:
        return _checked(os.path.join(cwd, name), name)
    unusable: CannotStart | None = None
    for folder in env.get("PATH", DEFAULT_PATH).split(":"):
        try:
            return _checked(os.path.join(cwd, folder, name), name)
        except CannotStart as trouble:
            unusable = unusable or (trouble if trouble.code == NOT_EXECUTABLE else None)
    raise unusable or CannotStart(f"{name}: command not found in PATH={env.get('PATH', DEFAULT_PATH)}", NOT_FOUND)


def why_not_started(trouble: OSError | ValueError, argv: Sequence[str], cwd: str) -> CannotStart:
    """What the kernel meant when it refused to start a program that is there."""
    if not os.path.isdir(cwd):
        return CannotStart(f"{argv[0]}: the working directory {cwd} does not exist", NOT_FOUND)
    if isinstance(trouble, FileNotFoundError):
        return CannotStart(f"{argv[0]}: the interpreter that its first line names is missing", NOT_FOUND)
    if isinstance(trouble, ValueError):
        return CannotStart(f"{argv[0]}: {trouble} in its arguments or environment", NOT_EXECUTABLE)
    return CannotStart(f"{argv[0]}: {trouble.strerror or trouble}", NOT_EXECUTABLE)


def _checked(path: str, name: str) -> str:
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        raise CannotStart(f"{name}: no such file", NOT_FOUND) from None
    if not stat.S_ISREG(mode):
        raise CannotStart(f"{name}: is not a file", NOT_EXECUTABLE)
    if not os.access(path, os.X_OK):
        raise CannotStart(f"{name}: permission denied, it is not executable", NOT_EXECUTABLE)
    return path
