"""What a guest boots from: busybox and the kernel's modules, and behind them our own two files.

The kernel reads archives that follow each other as one, so our own files can change without the rest.
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import subprocess
from collections.abc import Iterable
from pathlib import Path

from services.vm_agent.image import cpio
from services.vm_agent.image.cpio import Entry

GUEST = Path(__file__).resolve().parents[3] / "infra" / "guest"
OWN_FILES = ("init", "agent.py")
FOLDERS = ("base", "bin", "dev", "layer", "lib", "lib/modules", "proc", "root", "sys")
STRIP_SECONDS = 30.0
_UNPACK = {".xz": lzma.decompress, ".gz": gzip.decompress, ".bz2": bz2.decompress}


class MissingModule(Exception):
    """A module is neither in the kernel's package nor built into the kernel."""


def guest_digest() -> str:
    """Names the content of our own files."""
    return hashlib.sha256(guest_archive()).hexdigest()[:16]


def guest_archive() -> bytes:
    return cpio.archive(Entry(name, (GUEST / name).read_bytes(), 0o755) for name in OWN_FILES)


def boot_archive(busybox: bytes, modules: Iterable[tuple[str, bytes]]) -> bytes:
    """`modules` in the order in which they are loaded."""
    given = list(modules)
    return cpio.archive(
        [
            *(Entry(folder) for folder in FOLDERS),
            Entry("bin/busybox", busybox, 0o755),
            *(Entry(f"lib/modules/{name}", data, 0o644) for name, data in given),
            Entry("lib/modules/order", "".join(f"{name}\n" for name, _ in given).encode(), 0o644),
        ]
    )


def modules_of(tree: Path, names: Iterable[str]) -> list[tuple[str, bytes]]:
    """The files of these modules from `lib/modules/<release>`, stripped. Built-in ones are left out. Raises
    MissingModule."""
    files = {_plain(path.name.partition(".")[0]): path for path in tree.rglob("*.ko*")}
    built_in = {_plain(Path(line).name.partition(".")[0]) for line in _lines(tree / "modules.builtin")}
    found: list[tuple[str, bytes]] = []
    for name in names:
        path = files.get(_plain(name))
        if path is not None:
            found.append((f"{name}.ko", _stripped(path)))
        elif _plain(name) not in built_in:
            raise MissingModule(f"the kernel in {tree.name} has no module {name}, and it is not built in")
    return found


def _stripped(path: Path) -> bytes:
    """Without what only a debugger reads: a tenth of it remains to be read at each boot."""
    data = path.read_bytes()
    data = _UNPACK.get(path.suffix, bytes)(data)
    plain = path.with_name(f"{path.name}.plain")
    plain.write_bytes(data)
    command = ("objcopy", "--strip-debug", "-R", ".BTF", str(plain))
    try:
        subprocess.run(command, capture_output=True, timeout=STRIP_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return data
    return plain.read_bytes()


def _plain(name: str) -> str:
    """The kernel takes `-` and `_` in a module's name for the same."""
    return name.replace("-", "_")


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []
