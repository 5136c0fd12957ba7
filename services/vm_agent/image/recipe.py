"""What an image is made of, as values: packages, kernel modules, programs that are no Debian packages. Pure.

Whatever changes here changes the recipe's digest, and an image that was built from another digest is built anew.
"""

from __future__ import annotations

import hashlib

import msgspec

BUILDER_VERSION = 3
"""Raised when the same packages would give another image: the way of building is part of the recipe."""
KERNEL_PACKAGE = "linux-image-cloud-amd64"
BOOT_MODULES = (
    "virtio_ring",
    "virtio",
    "virtio_mmio",
    "virtio_blk",
    "virtio_console",
    "squashfs",
    "overlay",
    "rng-core",
    "virtio-rng",
    "failover",
    "net_failover",
    "virtio_net",
    "vsock",
    "vmw_vsock_virtio_transport_common",
    "vmw_vsock_virtio_transport",
)
"""In this order: `virtio_ring` after `virtio` ends in a panic without a disk. One that is built in is left out."""

_BASE = (
    "bash", "ca-certificates", "curl", "git", "gzip", "iproute2", "kmod", "mount", "passwd", "procps", "python3",
    "sudo", "tar", "zstd",
)  # fmt: skip
_ENGINE = ("aardvark-dns", "catatonit", "crun", "iptables", "netavark", "nftables", "podman")
"""What `container:`, `services:` and `docker://` need."""
_STANDARD = (
    *_ENGINE, "build-essential", "bzip2", "file", "fuse-overlayfs", "gnupg", "jq", "less", "openssh-client", "patch",
    "pkg-config", "python3-pip", "python3-venv", "rsync", "slirp4netns", "uidmap", "unzip", "wget", "xz-utils", "zip",
    "?name(^libicu[0-9]+$)",
)  # fmt: skip
"""The last is an apt pattern: the library has its version in its name, and each suite has one of it."""


class Recipe(msgspec.Struct, frozen=True):
    """`modules`: the whole module tree goes into the root, so that the guest can load what a job needs. `nodes`: the
    versions of Node.js, the first of which is on the PATH."""

    name: str
    packages: tuple[str, ...]
    modules: bool = False
    nodes: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """Names the recipe; the versions of its packages are the image's own matter."""
        return hashlib.sha256(msgspec.json.encode([BUILDER_VERSION, BOOT_MODULES, self])).hexdigest()[:16]


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe("minimal", tuple(sorted({*_BASE, *_ENGINE})), modules=True, nodes=("24.19.0",)),
        Recipe("standard", tuple(sorted({*_BASE, *_STANDARD})), modules=True, nodes=("20.18.0", "24.19.0")),
    )
}
