"""Kernels are taken out of their self-extracting form, whatever they are packed with; all else is refused in words."""

from __future__ import annotations

import bz2
import gzip
import lzma
import shutil
import struct
import subprocess
from collections.abc import Callable

import pytest

from services.vm_agent.image.kernel import NotAKernel, unpack

VMLINUX = b"\x7fELF" + bytes(range(256)) * 40
SECTORS, OFFSET = 3, 64


def big_image(packed: bytes, *, length: int | None = None) -> bytes:
    """A file with Linux's boot header and this payload."""
    begin = (SECTORS + 1) * 512 + OFFSET
    image = bytearray(begin)
    image[0x1F1] = SECTORS
    image[0x202:0x206] = b"HdrS"
    struct.pack_into("<II", image, 0x248, OFFSET, len(packed) if length is None else length)
    return bytes(image) + packed


def sized(packed: bytes, size: int = len(VMLINUX)) -> bytes:
    """The kernel's build appends the unpacked size."""
    return packed + struct.pack("<I", size)


def by_program(*command: str) -> bytes:
    if shutil.which(command[0]) is None:
        pytest.skip(f"the program {command[0]} is missing: apt-get install {command[0]}")
    return subprocess.run(command, input=VMLINUX, capture_output=True, check=True, timeout=10).stdout


PACKINGS: dict[str, Callable[[], bytes]] = {
    "gzip": lambda: gzip.compress(VMLINUX),
    "bzip2": lambda: bz2.compress(VMLINUX),
    "xz": lambda: lzma.compress(VMLINUX),
    "lzma": lambda: lzma.compress(VMLINUX, lzma.FORMAT_ALONE),
    "lz4": lambda: by_program("lz4", "-l", "-c", "-q"),
    "zstd": lambda: by_program("zstd", "-c", "-q"),
}


@pytest.mark.parametrize("packing", PACKINGS)
def test_each_packing_is_unpacked(packing: str) -> None:
    assert unpack(big_image(sized(PACKINGS[packing]()))) == VMLINUX


def test_one_that_is_not_packed_is_taken_as_it_is() -> None:
    assert unpack(big_image(VMLINUX)) == VMLINUX


@pytest.mark.parametrize(
    ("image", "why"),
    [
        (b"", "no Linux boot header"),
        (b"MZ" + bytes(4096), "no Linux boot header"),
        (big_image(sized(b"\x1f\x8b" + bytes(40))), "damaged"),
        (big_image(sized(gzip.compress(VMLINUX)[:-20])), "damaged"),
        (big_image(sized(b"BZh9nonsense")), "damaged"),
        (big_image(sized(b"\xfd7zXnonsense")), "damaged"),
        (big_image(sized(b"\x89LZO0000")), "89 ?4c|not known"),
        (big_image(sized(gzip.compress(b"no elf at all"))), "no ELF kernel"),
        (big_image(sized(gzip.compress(VMLINUX), size=1)), "no ELF kernel of the size"),
        (big_image(b"abcdefgh", length=2**31), "outside of the file"),
        (big_image(b"abc"), "outside of the file"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_kernel_is_refused_with_the_reason(image: bytes, why: str) -> None:
    with pytest.raises(NotAKernel, match=why):
        unpack(image)
