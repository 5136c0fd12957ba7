"""A child process that does not outlive the one that started it, whatever ends that one."""

from __future__ import annotations

import ctypes

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)
"""Loaded here: between fork and exec nothing is to be loaded."""


def die_with_parent(number: int) -> None:
    """In the child: the kernel sends it this signal when its parent is gone. It stays over exec."""
    _libc.prctl(_PR_SET_PDEATHSIG, number)
