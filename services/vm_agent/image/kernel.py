"""Takes the kernel out of its self-extracting form: QEMU starts faster from it, and Firecracker needs it.

The header: Documentation/arch/x86/boot.rst of the kernel (`setup_sects` 0x1f1, `payload_offset` 0x248, `payload_length`
0x24c). What is in the payload is known by its first bytes; the last four are its unpacked size.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import struct
import subprocess

SETUP_SECTS, PAYLOAD = 0x1F1, 0x248
MAGIC, MAGIC_AT = b"HdrS", 0x202
SECTOR = 512
ELF = b"\x7fELF"
UNPACK_SECONDS = 60.0


class NotAKernel(Exception):
    """The file is no bzImage, or packed in a way that is not known."""


def payload(image: bytes) -> bytes:
    """The packed kernel of a bzImage, without its size field. Raises NotAKernel."""
    if len(image) < PAYLOAD + 8 or image[MAGIC_AT : MAGIC_AT + 4] != MAGIC:
        raise NotAKernel("it has no Linux boot header")
    offset, length = struct.unpack_from("<II", image, PAYLOAD)
    begin = ((image[SETUP_SECTS] or 4) + 1) * SECTOR + offset
    packed = image[begin : begin + length]
    if len(packed) != length or length < 8:
        raise NotAKernel("its payload lies outside of the file")
    return packed


def unpack(image: bytes) -> bytes:
    """The ELF kernel (`vmlinux`) of a bzImage. Raises NotAKernel."""
    packed = payload(image)
    size = struct.unpack("<I", packed[-4:])[0]
    kernel = packed if packed.startswith(ELF) else _unpacked(packed[:-4])
    if not kernel.startswith(ELF) or (kernel is not packed and len(kernel) != size):
        raise NotAKernel("what is in it is no ELF kernel of the size that its header tells")
    return kernel


def _unpacked(packed: bytes) -> bytes:
    try:
        match packed[:4]:
            case b"\x02\x21\x4c\x18":
                return _by_program(("lz4", "-d", "-c"), packed)
            case b"\x28\xb5\x2f\xfd":
                return _by_program(("zstd", "-d", "-c"), packed)
            case start if start[:2] == b"\x1f\x8b":
                return gzip.decompress(packed)
            case start if start[:3] == b"BZh":
                return bz2.decompress(packed)
            case start if start == b"\xfd7zX" or start[:3] == b"]\0\0":
                return lzma.decompress(packed)
            case start:
                raise NotAKernel(f"it is packed in a way that begins with {start.hex()}, which is not known")
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise NotAKernel(f"its payload is damaged: {error}") from None


def _by_program(command: tuple[str, ...], packed: bytes) -> bytes:
    """What Python cannot unpack itself."""
    try:
        done = subprocess.run(command, input=packed, capture_output=True, timeout=UNPACK_SECONDS, check=True)
    except FileNotFoundError:
        raise NotAKernel(f"`{command[0]}` is missing, which unpacks it: install the package {command[0]}") from None
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise NotAKernel(f"`{command[0]}` cannot unpack it: {error}") from None
    return done.stdout
