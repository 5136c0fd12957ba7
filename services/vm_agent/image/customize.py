"""What is done to a new root file system before it is packed: our user, the files of a host, and nothing that differs.

Pure: text out. It runs as mmdebstrap's hook.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from services.vm_agent.image.recipe import KERNEL_PACKAGE, Recipe

UID = 1001
"""The number that GitHub's `runner` has."""

STORAGE = """\
[storage]
driver = "overlay"
runroot = "/run/containers/storage"
graphroot = "/home/runner/work/_containers"
rootless_storage_path = "/home/runner/work/_containers-$UID"
"""


def customize(recipe: Recipe, work: Path) -> str:
    """A shell script: it gets the new root as its argument, and runs outside of it.

    It leaves dpkg's status and the packages of kernel and busybox in `work`.
    """
    sudo = "runner ALL=(ALL) NOPASSWD:ALL"
    return f"""#!/bin/sh
set -eu
root=$1
chroot "$root" groupadd --gid {UID} runner
chroot "$root" useradd --uid {UID} --gid {UID} --create-home --shell /bin/bash runner
mkdir -p "$root/home/runner/work" "$root/opt/hostedtoolcache" "$root/etc/sudoers.d"
echo '{sudo}' > "$root/etc/sudoers.d/runner"
chmod 0440 "$root/etc/sudoers.d/runner"
echo firebreak > "$root/etc/hostname"
printf '127.0.0.1 localhost firebreak\\n::1 localhost ip6-localhost ip6-loopback\\n' > "$root/etc/hosts"
rm -f "$root/etc/resolv.conf"
: > "$root/etc/resolv.conf"
: > "$root/etc/machine-id"
cp -R --no-preserve=ownership {shlex.quote(str(work / "added"))}/. "$root/"
chroot "$root" chown -R {UID}:{UID} /home/runner/work /opt/hostedtoolcache
cp "$root/var/lib/dpkg/status" {shlex.quote(str(work))}/status
cd {shlex.quote(str(work))}
export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
kernel=$(apt-cache depends {KERNEL_PACKAGE} | sed -n 's/.*Depends: \\(linux-image-[0-9].*\\)/\\1/p' | head -n 1)
apt-get -qq download "$kernel" busybox-static
{_modules(work) if recipe.modules else ":"}
{_containers() if "podman" in recipe.packages else ":"}
{_rootless() if "uidmap" in recipe.packages else ":"}
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/* "$root"/var/cache/ldconfig/aux-cache
rm -rf "$root"/var/log/* "$root"/etc/ssh/ssh_host_* "$root"/etc/*- "$root"/tmp/*
"""


def _modules(work: Path) -> str:
    """All modules of the kernel, so that the guest loads by itself what a container's network needs."""
    kernel = shlex.quote(str(work / "modules"))
    return f"""dpkg-deb -x linux-image-[0-9]*.deb {kernel}
mkdir -p "$root/lib/modules"
cp -R --no-preserve=ownership {kernel}/lib/modules/. "$root/lib/modules/"
for release in "$root"/lib/modules/*; do chroot "$root" depmod "${{release##*/}}"; done"""


def _containers() -> str:
    """Podman's images lie on the work disk: the root file system's writable layer is the guest's memory.

    Its networks are netavark's; the package's own configuration is for plugins that are not in the image.
    """
    return f"""rm -f "$root"/etc/cni/net.d/*
cat > "$root/etc/containers/storage.conf" <<'end'
{STORAGE}end"""


def _rootless() -> str:
    """These modules are loaded at boot because nothing asks the kernel for them: who wants one looks for its device
    file."""
    return """mkdir -p "$root/etc/modules-load.d"
printf 'fuse\\noverlay\\ntun\\n' > "$root/etc/modules-load.d/containers.conf\""""
