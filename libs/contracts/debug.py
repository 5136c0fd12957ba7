"""A debug session: a shell in what a failed job left, over core NATS, `debug.<host_id>.<session>` and its `.out`.

Nothing of it is stored. What is lost on the way is noticed by the numbers of the pieces, and ends the session: a shell
that misses bytes would be worse than none. Each side grants the other a window, as the guest protocol does, so that
neither floods the bus.
"""

from __future__ import annotations

from typing import Literal

import msgspec

PIECE_BYTES = 64 * 1024
"""The most that one message carries of input or output."""
WINDOW_BYTES = 256 * 1024
"""The most that is on its way unread."""
ALIVE_SECONDS = 5.0
SILENCE_SECONDS = 30.0
"""After so long without a word the other side is gone, and the session's machine with it."""


class OpenDebug(msgspec.Struct, frozen=True, tag="OpenDebug"):
    """`attempt` is the subject of the kept job. `step` (from 0): what ran is run again from there on. `command` runs
    instead of a shell."""

    attempt: str
    by: str = ""
    step: int | None = None
    command: str | None = None
    rows: int = 24
    columns: int = 80
    terminal: str = "xterm"


class DebugInput(msgspec.Struct, frozen=True, tag="DebugInput"):
    """Pieces are numbered from 0."""

    n: int
    data: bytes


class DebugResized(msgspec.Struct, frozen=True, tag="DebugResized"):
    rows: int
    columns: int


class DebugGranted(msgspec.Struct, frozen=True, tag="DebugGranted"):
    """So many bytes more were read, and may be sent anew."""

    size_bytes: int


class DebugAlive(msgspec.Struct, frozen=True, tag="DebugAlive"):
    """Said every ALIVE_SECONDS by either side; the first one of the host says that it has heard `OpenDebug`."""


class CloseDebug(msgspec.Struct, frozen=True, tag="CloseDebug"):
    """The user is gone: the machine may go."""


class DebugReady(msgspec.Struct, frozen=True, tag="DebugReady"):
    """The machine stands; what follows is its output. `note` says what the user must know of it."""

    what: Literal["memory", "disk"]
    folder: str
    note: str = ""


class DebugOutput(msgspec.Struct, frozen=True, tag="DebugOutput"):
    n: int
    data: bytes


class DebugEnded(msgspec.Struct, frozen=True, tag="DebugEnded"):
    """`why` is empty where the shell, or the command, came to its own end with `code`."""

    code: int = 0
    why: str = ""


DebugRequest = OpenDebug | DebugInput | DebugResized | DebugGranted | DebugAlive | CloseDebug
DebugAnswer = DebugReady | DebugOutput | DebugGranted | DebugAlive | DebugEnded
