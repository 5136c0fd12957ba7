"""The jailer's command and the jail's folder: each machine alone with its own files, user, network and cgroup.

Files that are only read are linked, not copied. Paths of sockets are short inside, whatever the folder is called.
Limits are not the jailer's: the process is in its cgroup before the jailer begins, and stays there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from services.vm_agent.sandbox.firecracker.requests import API_SOCKET, LOG
from services.vm_agent.sandbox.machine.vmm import DESCRIPTORS
from services.vm_agent.sandbox.protocol import SandboxLost

_ID = re.compile(r"[A-Za-z0-9-]{1,64}")


class Jail(msgspec.Struct, frozen=True):
    """`base` is the machine's own folder; `namespace` "" for no network."""

    jailer: str
    firecracker: str
    id: str
    uid: int
    base: str
    namespace: str

    @property
    def root(self) -> Path:
        return Path(self.base, os.path.basename(self.firecracker), self.id, "root")


def jail_id(name: str) -> str:
    """The jailer takes letters, digits and hyphens."""
    plain = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name)[-64:]
    if not _ID.fullmatch(plain):
        raise SandboxLost(f"{name!r} makes no name for a jail")
    return plain


def command(jail: Jail) -> list[str]:
    """Not as a daemon and without a new namespace of pids: the process stays our child, so its end is seen."""
    return [
        jail.jailer,
        *("--id", jail.id, "--exec-file", jail.firecracker),
        *("--uid", str(jail.uid), "--gid", str(jail.uid)),
        *("--chroot-base-dir", jail.base),
        *(("--netns", f"/run/netns/{jail.namespace}") if jail.namespace else ()),
        *("--resource-limit", f"no-file={DESCRIPTORS}"),
        *("--", "--api-sock", f"/{API_SOCKET}"),
    ]


def furnish(root: Path, uid: int | None, linked: Mapping[str, str], owned: Mapping[str, str]) -> None:
    """Makes what Firecracker sees as its root: `linked` files are shared and only read, `owned` are moved in and the
    machine's own, as is its empty log. Name to path; all belongs to `uid`, if there is one. Blocking."""
    root.mkdir(parents=True, mode=0o700)
    for name, path in linked.items():
        os.link(os.path.realpath(path), root / name)
    for name, path in owned.items():
        os.rename(path, root / name)
    (root / LOG).touch()
    if uid is not None:
        for path in (root, *(root / name for name in owned), root / LOG):
            os.chown(path, uid, uid)
