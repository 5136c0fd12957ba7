"""How fast this processor's time-stamp counter counts: an emulated guest reads it, and cannot measure it itself.

Ten bytes of machine code read the counter; the kernel's raw clock says how much time passed. x86-64 only.
"""

from __future__ import annotations

import ctypes
import functools
import mmap
import platform
import time

READ_COUNTER = bytes.fromhex("0f31 48c1e220 4809d0 c3")
"""rdtsc; shl rdx, 32; or rax, rdx; ret"""
MEASURED_SECONDS = 0.1


@functools.cache
def tsc_khz() -> int:
    """Blocks for MEASURED_SECONDS, once a process; 0 on another processor."""
    if platform.machine() != "x86_64":
        return 0
    code = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(READ_COUNTER)
    address = ctypes.addressof(ctypes.c_char.from_buffer(code))
    counter = ctypes.CFUNCTYPE(ctypes.c_uint64)(address)
    began, first = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW), counter()
    time.sleep(MEASURED_SECONDS)
    ended, last = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW), counter()
    return round((last - first) * 1_000_000 / (ended - began))
