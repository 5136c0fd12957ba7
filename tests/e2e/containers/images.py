"""Images for the tests, made here: busybox and its names, nothing else. No registry is asked."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

NAME = "busybox:test"
FOLDERS = ("bin", "dev", "etc", "proc", "root", "sys", "tmp", "usr", "usr/bin")


def busybox() -> Path:
    """The program, linked statically, as the package busybox-static has it."""
    found = shutil.which("busybox")
    if found is None:
        pytest.skip("busybox is missing: apt-get install busybox-static")
    return Path(found)


def archive(path: Path, *names: str, files: Mapping[str, str] | None = None, **config: object) -> Path:
    """What `docker save` writes: one layer with busybox and `files`. `config` is the image's, in Docker's words."""
    layer = _layer(files or {})
    made = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "created": "2026-01-01T00:00:00Z",
            "config": {"Env": ["PATH=/usr/bin:/bin", "FROM_IMAGE=yes"], "Cmd": ["sh"], **config},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{_digest(layer)}"]},
            "history": [{"created_by": "the tests"}],
        }
    ).encode()
    manifest = [
        {
            "Config": f"{_digest(made)}.json",
            "RepoTags": list(names or (NAME,)),
            "Layers": [f"{_digest(layer)}/layer.tar"],
        }
    ]
    with tarfile.open(path, "w") as tar:
        _add(tar, f"{_digest(made)}.json", made)
        _add(tar, f"{_digest(layer)}/layer.tar", layer)
        _add(tar, "manifest.json", json.dumps(manifest).encode())
    return path


def _layer(files: Mapping[str, str]) -> bytes:
    program = busybox()
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for folder in FOLDERS:
            info = tarfile.TarInfo(folder)
            info.type, info.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
            tar.addfile(info)
        _add(tar, "bin/busybox", program.read_bytes(), 0o755)
        for applet in _applets(program):
            info = tarfile.TarInfo(f"bin/{applet}")
            info.type, info.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(info)
        _add(tar, "etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n")
        for name, text in files.items():
            _add(tar, name, text.encode(), 0o755)
    return data.getvalue()


def _applets(program: Path) -> Iterable[str]:
    listed = subprocess.run([program, "--list"], capture_output=True, text=True, check=True).stdout.split()
    return (applet for applet in listed if applet != "busybox")


def _add(tar: tarfile.TarFile, name: str, data: bytes, mode: int = 0o644) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), mode
    tar.addfile(info, io.BytesIO(data))


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
