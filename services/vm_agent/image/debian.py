"""Debian's packages made into a root file system by mmdebstrap, and the kernel's package beside it, never installed.

Mirrors and proxies are mmdebstrap's and apt's own business. The same package versions give the same bytes: the clock of
the build is SOURCE_DATE_EPOCH everywhere, and what differs from build to build is removed.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from services.vm_agent.image.recipe import KERNEL_PACKAGE, Recipe

EPOCH = "1700000000"
BUILD_SECONDS = 1800.0
"""A standard image takes two minutes on two cores with a near mirror."""
LOG_LINES = 20
STEPS = {
    "running apt-get update": 0.05,
    "downloading packages with apt": 0.1,
    "extracting archives": 0.3,
    "installing essential packages": 0.4,
    "installing remaining packages inside the chroot": 0.5,
    "cleaning package lists and apt cache": 0.75,
    "creating tarball": 0.8,
}
"""What mmdebstrap says that it does, and how much of a build is done by then."""
UID = 1001
"""The number that GitHub's `runner` has."""
NEEDED = {"mmdebstrap": "mmdebstrap", "apt-get": "apt", "dpkg-deb": "dpkg", "mksquashfs": "squashfs-tools"}
EXCLUDED = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*", "/usr/share/lintian/*")
_PARAGRAPH = re.compile(
    r"^Package: (?P<name>\S+)$.*?^Status: (?P<status>.*?)$.*?^Version: (?P<version>\S+)$", re.M | re.S
)


class CannotBuild(Exception):
    """What is missing or went wrong, and what to do."""


def missing_programs() -> list[str]:
    """The Debian packages that building needs and this machine has not."""
    return sorted({package for program, package in NEEDED.items() if shutil.which(program) is None})


def codename() -> str:
    """The suite of this host where it is a Debian; else a stable one."""
    lines = Path("/etc/os-release").read_text().splitlines() if os.path.exists("/etc/os-release") else []
    fields = dict(line.split("=", 1) for line in lines if "=" in line)
    if fields.get("ID", "").strip('"') == "debian" and "VERSION_CODENAME" in fields:
        return fields["VERSION_CODENAME"].strip('"')
    return "bookworm"


def bootstrap(recipe: Recipe, suite: str, work: Path, added: Path, tell: Callable[[str, float], object]) -> None:
    """Makes `work/root.tar`, `work/status` (dpkg's) and the packages of kernel and busybox. Raises CannotBuild.

    `added` is a tree that is copied over the root.
    """
    hook = work / "customize"
    hook.write_text(_customize(recipe, work, added))
    hook.chmod(0o755)
    command = [
        "mmdebstrap",
        f"--mode={_mode()}",
        "--variant=minbase",
        f"--include={','.join(recipe.packages)}",
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in EXCLUDED),
        '--aptopt=Acquire::Languages "none"',
        '--aptopt=Acquire::Retries "3"',
        f'--customize-hook={shlex.quote(str(hook))} "$1"',
        suite,
        str(work / "root.tar"),
    ]
    lines: list[str] = []
    for line in _run(command, work):
        lines.append(line)
        del lines[:-LOG_LINES]
        step = line.removeprefix("I: ").rstrip(".")
        if step in STEPS:
            tell(step, STEPS[step])
        elif line.startswith(_ENDED):
            raise CannotBuild(
                "mmdebstrap could not make the root file system. Its last lines:\n  " + "\n  ".join(lines[:-1])
            )


def packages(status: str) -> dict[str, str]:
    """Installed packages and their versions, from dpkg's status file."""
    found: dict[str, str] = {}
    for paragraph in status.split("\n\n"):
        match = _PARAGRAPH.search(paragraph)
        if match is not None and match["status"].endswith(" installed"):
            found[match["name"]] = match["version"]
    return found


def unpack(package: Path, into: Path) -> None:
    """Its files, without installing it. Raises CannotBuild."""
    try:
        subprocess.run(["dpkg-deb", "-x", str(package), str(into)], check=True, capture_output=True)
    except subprocess.CalledProcessError as error:
        raise CannotBuild(
            f"{package.name} cannot be unpacked: {error.stderr.decode(errors='replace').strip()}"
        ) from None


def squash(tar: Path, image: Path) -> None:
    """A read-only file system of the tar's content. Raises CannotBuild."""
    command = ["mksquashfs", "-", str(image), "-tar", "-comp", "lz4", "-noappend", "-quiet", "-no-progress"]
    with tar.open("rb") as source:
        done = subprocess.run(command, stdin=source, capture_output=True, env=_environment(), check=False)
    if done.returncode != 0:
        raise CannotBuild(f"mksquashfs failed: {done.stderr.decode(errors='replace').strip()[-1000:]}")


def _customize(recipe: Recipe, work: Path, added: Path) -> str:
    """A shell script: it gets the new root as its argument, and runs outside of it."""
    sudo = "runner ALL=(ALL) NOPASSWD:ALL"
    return f"""#!/bin/sh
set -eu
root=$1
chroot "$root" groupadd --gid {UID} runner
chroot "$root" useradd --uid {UID} --gid {UID} --create-home --shell /bin/bash runner
mkdir -p "$root/home/runner/work" "$root/opt/hostedtoolcache" "$root/etc/sudoers.d"
chroot "$root" chown {UID}:{UID} /home/runner/work /opt/hostedtoolcache
echo '{sudo}' > "$root/etc/sudoers.d/runner"
chmod 0440 "$root/etc/sudoers.d/runner"
echo firebreak > "$root/etc/hostname"
printf '127.0.0.1 localhost firebreak\\n::1 localhost ip6-localhost ip6-loopback\\n' > "$root/etc/hosts"
rm -f "$root/etc/resolv.conf"
: > "$root/etc/resolv.conf"
: > "$root/etc/machine-id"
cp -R --no-preserve=ownership {shlex.quote(str(added))}/. "$root/"
cp "$root/var/lib/dpkg/status" {shlex.quote(str(work))}/status
cd {shlex.quote(str(work))}
export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
kernel=$(apt-cache depends {KERNEL_PACKAGE} | sed -n 's/.*Depends: \\(linux-image-[0-9].*\\)/\\1/p' | head -n 1)
apt-get -qq download "$kernel" busybox-static
{_modules(work) if recipe.modules else ":"}
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/* "$root"/var/cache/ldconfig/aux-cache
rm -rf "$root"/var/log/* "$root"/etc/ssh/ssh_host_* "$root"/etc/*- "$root"/tmp/*
"""


def _modules(work: Path) -> str:
    """All modules of the kernel, so that the guest loads by itself what a container's network needs."""
    kernel = shlex.quote(str(work / "modules"))
    return f"""dpkg-deb -x linux-image-[0-9]*.deb {kernel}
mkdir -p "$root/lib/modules"
cp -R --no-preserve=ownership {kernel}/lib/modules/. "$root/lib/modules/"
for release in "$root"/lib/modules/*; do depmod -b "$root" "${{release##*/}}"; done"""


def _mode() -> str:
    """Raises CannotBuild."""
    if os.geteuid() == 0:
        return "root"
    if shutil.which("newuidmap"):
        return "unshare"
    if shutil.which("fakechroot") and shutil.which("fakeroot"):
        return "fakechroot"
    raise CannotBuild(
        "only root can build an image as this machine is: install uidmap (and give your user a range in /etc/subuid), "
        "or fakechroot and fakeroot, or run this with sudo"
    )


_ENDED = "\0ended"


def _run(command: list[str], work: Path) -> Iterator[str]:
    """The lines that it prints, and one that begins with _ENDED where it failed. Ends with whoever reads."""
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=work,
        env=_environment(),
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            assert process.stdout is not None
            yield from (line.rstrip() for line in process.stdout)
            if process.wait(BUILD_SECONDS) != 0:
                yield _ENDED
        finally:
            if process.poll() is None:
                # It removes its temporary root when it is asked to end.
                os.killpg(process.pid, signal.SIGINT)


def _environment() -> dict[str, str]:
    """What the build may depend on: proxies, but no locale and no clock."""
    kept = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    return {
        **kept,
        "PATH": path,
        "LC_ALL": "C.UTF-8",
        "SOURCE_DATE_EPOCH": EPOCH,
        "DEBIAN_FRONTEND": "noninteractive",
        "HOME": "/root",
    }
