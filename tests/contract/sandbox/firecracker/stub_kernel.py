"""A kernel of some bytes of machine code: it prints, and then ends its machine or counts for ever.

Where KVM is itself emulated no real kernel comes up in a test's time; this one does, so the whole life of a machine can
be had from the real Firecracker: an ELF file with one segment at 16 MiB, in 64-bit mode from its first instruction.
"""

from __future__ import annotations

import struct

ADDRESS = 0x1000000
SERIAL = 0x3F8
DELAY = 2_000_000
"""Turns of an empty loop between two dots; emulated, some tens of milliseconds."""


def printing(text: str) -> bytes:
    """Prints it and resets the machine by the keyboard controller."""
    code = _serial() + b"".join(_print(letter) for letter in text.encode()) + b"\xb0\xfe\xe6\x64" + b"\xf4\xeb\xfd"
    return _elf(code)


def counting(text: str, delay: int = DELAY) -> bytes:
    """Prints it, and then a dot after each delay, for ever."""
    begin = _serial() + b"".join(_print(letter) for letter in text.encode())
    wait = b"\xb9" + struct.pack("<I", delay) + b"\xff\xc9\x75\xfc"
    loop = _print(ord(".")) + wait
    return _elf(begin + loop + b"\xe9" + struct.pack("<i", -(len(loop) + 5)))


def _serial() -> bytes:
    return b"\x66\xba" + struct.pack("<H", SERIAL)


def _print(letter: int) -> bytes:
    return b"\xb0" + bytes([letter]) + b"\xee"


def _elf(code: bytes) -> bytes:
    offset = 0x1000
    header = b"\x7fELF\x02\x01\x01" + bytes(9)
    header += struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, ADDRESS, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, offset, ADDRESS, ADDRESS, len(code), len(code), 0x1000)
    return (header + segment).ljust(offset, b"\0") + code
