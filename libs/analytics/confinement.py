"""What a process gives up for good before it meets a stranger's question: files, memory, connections. Linux only.

DuckDB is told the same by its settings; this holds where a setting has a hole. Landlock is the kernel's: where it has
none, `confine` says so and the limits of the process (setrlimit) hold alone.
"""

from __future__ import annotations

import ctypes
import os
import resource
import stat
import struct
from collections.abc import Iterable
from pathlib import Path

ADDRESS_SPACE_BYTES = 2560 * 1024 * 1024
"""DuckDB's own limit of 1 GB is not for its parser, nor for one long text: `repeat('x', 4000000000)` took 3.9 GB. Above
that limit, plus the program itself; at it DuckDB refuses the question and lives."""
OPEN_FILES = 64

_PR_SET_NO_NEW_PRIVS = 38
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
"""Numbers of system calls; alike on every processor that Linux knows."""
_VERSION = 1
_PATH_BENEATH = 1
# linux/landlock.h: the rights of each version of the interface, as its version 1, 2, 3, 5 know them.
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_ALL = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
_CONNECT_TCP = 2
_ALL_TCP = 3
_ALL_SCOPES = 3

_libc = ctypes.CDLL(None, use_errno=True)


def limit_process() -> None:
    """No file of this process grows by a byte, no core is left, its memory has an end. For its children, too."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE_BYTES, ADDRESS_SPACE_BYTES))
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
    forbid_growing_files()


def forbid_growing_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def logs_into_a_file() -> bool:
    """Where standard error is a file, this process has to be able to write to that one."""
    return any(stat.S_ISREG(os.fstat(number).st_mode) for number in (1, 2))


def read_only(places: Iterable[Path]) -> str:
    """This process opens for reading what is in `places` (those that exist: folders with all below, or files), and
    nothing else; it starts no program, makes no connection and signals no other process. Returns why not, "" where it
    holds.
    """
    version = _version()
    if version < 1:
        return _MISSING
    ruleset = _ruleset(version, _files(version), _ALL_TCP, _ALL_SCOPES)
    try:
        for place in places:
            if place.exists():
                _allow(ruleset, place, _READ_FILE | _READ_DIR if place.is_dir() else _READ_FILE)
        _restrict(ruleset)
    finally:
        os.close(ruleset)
    return ""


def write_nothing() -> str:
    """This process and its children change no file system and connect to nobody; reading and starting stay. Returns why
    not, "" where it holds.
    """
    version = _version()
    if version < 1:
        return _MISSING
    ruleset = _ruleset(version, _files(version) & ~(_EXECUTE | _READ_FILE | _READ_DIR), _CONNECT_TCP, 0)
    try:
        _restrict(ruleset)
    finally:
        os.close(ruleset)
    return ""


_MISSING = "this kernel has no Landlock (Linux 5.13 or newer, with `landlock` among its `lsm=`)"


def _version() -> int:
    return int(_libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION))


def _files(version: int) -> int:
    return _ALL[min(version, max(_ALL))]


def _ruleset(version: int, files: int, tcp: int, scopes: int) -> int:
    fields = [files, *([tcp] if version >= 4 else []), *([scopes] if version >= 6 else [])]
    attributes = struct.pack(f"={len(fields)}Q", *fields)
    return _called(_libc.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0))


def _allow(ruleset: int, place: Path, rights: int) -> None:
    opened = os.open(place, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = struct.pack("=Qi", rights, opened)
        _called(_libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0))
    finally:
        os.close(opened)


def _restrict(ruleset: int) -> None:
    _called(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    _called(_libc.syscall(_RESTRICT_SELF, ruleset, 0))


def _called(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"landlock: {os.strerror(number)}")
    return result
