"""Archives that an honest packer never makes, built in memory."""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterator

BLOCK = 512


def entry(name: str, kind: bytes = tarfile.REGTYPE, data: bytes = b"", **fields: object) -> bytes:
    """One header and its data; `fields` are tarfile's own."""
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, len(data)
    for field, value in fields.items():
        setattr(info, field, value)
    return info.tobuf(tarfile.GNU_FORMAT) + padded(data)


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % BLOCK)


def pax(kind: bytes = tarfile.XHDTYPE, **records: str) -> bytes:
    return raw_pax(b"".join(record(key.replace("__", "."), value) for key, value in records.items()), kind)


def raw_pax(data: bytes, kind: bytes = tarfile.XHDTYPE) -> bytes:
    info = tarfile.TarInfo("pax")
    info.type, info.size = kind, len(data)
    return info.tobuf(tarfile.USTAR_FORMAT) + padded(data)


def record(key: str, value: str) -> bytes:
    text = f" {key}={value}\n".encode()
    length = len(text) + 1
    while length != len(text) + len(str(length)):
        length = len(text) + len(str(length))
    return str(length).encode() + text


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> bytes:
    return entry(name, kind, linkname=target)


def old_sparse(more: bool) -> bytes:
    """GNU's first way: the map is in the header and, with `more`, in blocks behind it."""
    header = bytearray(entry("holes", tarfile.GNUTYPE_SPARSE))
    header[386:410] = b"00000000000".ljust(12, b"\0") + b"00000000001".ljust(12, b"\0")
    header[482] = int(more)
    header[483:495] = b"77777777777\0"
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


REFUSED: dict[str, bytes] = {
    "..": entry("../outside", data=b"x"),
    ".. within": entry("a/../../outside", data=b"x"),
    "an absolute name": entry("/outside", data=b"x"),
    "a name with an end in it": pax(path="a\0b") + entry("x", data=b"x"),
    "through a link that came with it": link("out", "..") + entry("out/outside", data=b"x"),
    "through a link to a folder of the host": link("out", "/tmp") + entry("out/outside", data=b"x"),
    "through a link in a link": link("a", ".") + link("a/b", "..") + entry("a/b/outside", data=b"x"),
    "a folder through a link": link("out", "..") + entry("out/outside", tarfile.DIRTYPE),
    "a hard link outside": link("taken", "../secret", tarfile.LNKTYPE),
    "a hard link to an absolute name": link("taken", "/etc/passwd", tarfile.LNKTYPE),
    "a hard link through a link": link("out", "..") + link("taken", "out/secret", tarfile.LNKTYPE),
    "a hard link to a link": link("out", "../secret") + link("taken", "out", tarfile.LNKTYPE),
    "a device": entry("null", tarfile.CHRTYPE, devmajor=1, devminor=3),
    "a disk": entry("disk", tarfile.BLKTYPE, devmajor=8),
    "a pipe": entry("pipe", tarfile.FIFOTYPE),
    "a file where a folder was": entry("a/b", data=b"x") + entry("a", data=b"x"),
    "a folder where a file was": entry("a", data=b"x") + entry("a/b", data=b"x"),
    "a header of four gigabytes": entry("x", tarfile.GNUTYPE_LONGNAME, size=4 * 1024**3),
    "a PAX header of four gigabytes": entry("x", tarfile.XHDTYPE, size=4 * 1024**3),
    "headers upon headers": pax(path="x") * 2000 + entry("x", data=b"x"),
    "long names upon long names": entry("x", tarfile.GNUTYPE_LONGNAME, b"y\0") * 2000 + entry("x"),
    "global headers without end": b"".join(
        pax(tarfile.XGLTYPE, **{f"k{n}": "v" * 100_000}) + entry(f"x{n}") for n in range(20)
    ),
    "a name of many characters": pax(path="a" * 5000) + entry("x", data=b"x"),
    "a name of a thousand folders": pax(path="a/" * 1000 + "x") + entry("x", data=b"x"),
    "a file of sixteen exabytes": pax(size=str(2**64)) + entry("x", data=b"x"),
    "a length of many digits": raw_pax(b"9" * 5000 + b" path=x\n") + entry("x"),
    "a length of nothing": raw_pax(b"0 path=x\n") + entry("x"),
    "a size below nothing": entry("x", size=-1024),
    "a time that is none": pax(mtime="1e300") + entry("x", data=b"x"),
    "holes, in the first way": old_sparse(False),
    "holes, and a map that goes on": old_sparse(True) + (b"\1" * 504 + b"\1" + bytes(7)) * 50,
    "holes, in the second way": pax(GNU__sparse__size="99999999999", GNU__sparse__numblocks="0") + entry("x"),
    "holes, in the third way": pax(GNU__sparse__map="0,1,99999999,1", GNU__sparse__realsize="99999999999") + entry("x"),
    "holes, in the fourth way": pax(GNU__sparse__major="1", GNU__sparse__minor="0", GNU__sparse__realsize="99999999999")
    + entry("x", data=padded(b"99999999\n" + b"1\n" * 10_000)),
    "no archive": b"\x7fELF" + b"x" * 2000,
}


def endless(piece: Callable[[int], bytes]) -> Iterator[bytes]:
    number = 0
    while True:
        yield piece(number)
        number += 1


ENDLESS: dict[str, Callable[[], Iterator[bytes]]] = {
    "files": lambda: endless(lambda n: entry(f"f{n % 50}", data=b"x" * 65536)),
    "one file": lambda: endless(lambda n: entry("f", size=2**40) if n == 0 else b"x" * 65536),
    "empty files of one name": lambda: endless(lambda n: entry("f")),
    "folders of long names": lambda: endless(lambda n: pax(path=f"{n % 5:0200}") + entry("d", tarfile.DIRTYPE)),
    "headers and nothing else": lambda: endless(lambda n: pax(path="x")),
    "a map of holes": lambda: endless(
        lambda n: (
            pax(GNU__sparse__major="1", GNU__sparse__minor="0") + entry("x", size=2**33) + padded(b"9" * 9 + b"\n")
            if n == 0
            else b"1\n" * 256
        )
    ),
    "an old map of holes": lambda: endless(lambda n: old_sparse(True) if n == 0 else b"\1" * 512),
    "a number without an end": lambda: endless(
        lambda n: pax(GNU__sparse__major="1", GNU__sparse__minor="0") + entry("x", size=2**33) if n == 0 else b"1" * 512
    ),
}
