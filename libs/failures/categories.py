"""Why a step failed, where that is beyond doubt: from how its process ended, and from words that only tools use.

Nothing is guessed: where a rule could be wrong it says nothing, and a person or a model may look at the lines.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from libs.contracts.attempt import FailureCategory
from libs.contracts.results import Result
from libs.failures.lines import Rank, plain, rank
from libs.failures.network import says_network

SIGNALLED: Final = 128
"""A shell adds it to the signal that ended a command."""
SIGNALS: Final = frozenset({2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 14, 15, 24, 25, 31})
"""That end a process and that a shell's exit code tells without doubt. Not 1: 129 is git's code for wrong usage."""


class End(msgspec.Struct, frozen=True):
    """How a step's process ended, as the sandbox knows it; `time_limit` says that the step or the job was too late."""

    exit_code: int | None = None
    signal: int | None = None
    out_of_memory: bool = False
    disk_full: bool = False
    time_limit: bool = False


UNKNOWN_END: Final = End()


_MEMORY: Final = re.compile(
    r"""
      (?:FATAL\sERROR:\s.*)?(?:JavaScript\sheap|Allocation\sfailed\s-\sprocess)\sout\sof\smemory
    | (?:FATAL\sERROR:\s.*)(?:out\sof\smemory|OOM)
    | (?:Exception\sin\sthread\s.*|Caused\sby:\s|\[ERROR\]\s.*|Error:\s.*)?java\.lang\.OutOfMemoryError\b
    | terminate\scalled\safter\sthrowing\san\sinstance\sof\s'std::bad_alloc'
    | (?:E\s+)?(?:[\w.]+\.)?(?:_Array)?MemoryError(?::\s.*)?$
    | (?:fatal\serror:\s.*|runtime:\s.*|\w+1?(?:plus)?:\s)(?:out\sof\smemory)
    | virtual\smemory\sexhausted
    | memory\sallocation\sof\s\d+\sbytes\sfailed
    | (?:[\w+.-]+:\s)*(?:fatal\serror:\s)?(?:Killed|Terminated)\ssignal\sterminated\sprogram
    | collect2:\sfatal\serror:\sld\sterminated\swith\ssignal\s9
    | (?:\S+:\s)*(?:line\s\d+:\s)?(?:fork|xmalloc|xrealloc|mmap):\s.*Cannot\sallocate\smemory
    | (?:Error:\s)?(?:spawn\s)?ENOMEM\b
    | (?:PHP\s)?Fatal\serror:\s+(?:Uncaught\s)?(?:Allowed\smemory\ssize|Out\sof\smemory)
    | \[FATAL\]\sfailed\sto\sallocate\smemory
    """,
    re.VERBOSE,
)
_DISK: Final = re.compile(
    r"No space left on device\b|\bENOSPC: no space left|\bnpm (?:ERR!|error) code ENOSPC\b"
    r"|^E: You don't have enough free space in"
    r"|^(?:OSError|IOError): \[Errno 28\]|java\.io\.IOException: No space left|^fatal: write error: No space"
)
_NO_DISK: Final = re.compile(r"file watchers|inotify", re.IGNORECASE)
"""ENOSPC too, and another thing that ran out."""


def category(outcome: Result, end: End, lines: Sequence[str]) -> FailureCategory:
    """`lines` are the last that it printed, masked. Of several reasons the one that explains the others: who is killed
    for being late or for memory ends by a signal too.

    Where a failed test is named its words are the tests' own, and only what the sandbox knows counts.
    """
    if outcome not in ("failure", "timeout"):
        return ""
    if end.time_limit or outcome == "timeout":
        return "time limit"
    if end.out_of_memory:
        return "out of memory"
    if end.disk_full:
        return "disk full"
    return _said([plain(line) for line in lines]) or ("signal" if ended_by_signal(end) else "")


def ended_by_signal(end: End) -> bool:
    return end.signal is not None or (end.exit_code or 0) - SIGNALLED in SIGNALS


def _said(lines: Sequence[str]) -> FailureCategory:
    if any(rank(line) == Rank.TEST for line in lines):
        return ""
    if any(_MEMORY.match(line) for line in lines):
        return "out of memory"
    if any(_DISK.search(line) and not _NO_DISK.search(line) for line in lines):
        return "disk full"
    return "network" if any(says_network(line) for line in lines) else ""
