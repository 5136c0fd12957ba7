"""Debian's packages made into a root file system by mmdebstrap, and the kernel's package beside it, never installed.

Which mirror is asked: `sources`. The same package versions give the same bytes: the clock of the build is
SOURCE_DATE_EPOCH everywhere, and what differs from build to build is removed.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec

from services.vm_agent.image import program
from services.vm_agent.image.customize import customize
from services.vm_agent.image.environment import environment
from services.vm_agent.image.program import Program, ProgramFailed
from services.vm_agent.image.recipe import Recipe

BUILD_SECONDS = 1800.0
"""Of mmdebstrap. A standard image takes two minutes on two cores with a near mirror."""
UNSHARE_SECONDS = 10.0
SQUASH_SECONDS = 600.0
"""A standard image takes ten seconds."""
UNPACK_SECONDS = 120.0
"""Of one package; the kernel's takes two seconds."""
USUAL_SUITE = "bookworm"
"""Where the host is no Debian: its kernel is what these images were tried with."""
OS_RELEASE = Path("/etc/os-release")
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
NEEDED = {"mmdebstrap": "mmdebstrap", "apt-get": "apt", "dpkg-deb": "dpkg", "mksquashfs": "squashfs-tools"}
EXCLUDED = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*", "/usr/share/lintian/*")
_PARAGRAPH = re.compile(
    r"^Package: (?P<name>\S+)$.*?^Status: (?P<status>.*?)$.*?^Version: (?P<version>\S+)$", re.M | re.S
)


class CannotBuild(Exception):
    """What is missing or went wrong, and what to do."""


class Origin(msgspec.Struct, frozen=True):
    """Where packages come from: `mirror` if it is named, else `sources` (lines of apt's), else mmdebstrap's default."""

    suite: str
    mirror: str = ""
    sources: str = ""


def missing_programs() -> list[str]:
    """The Debian packages that building needs and this machine has not."""
    return sorted({package for program, package in NEEDED.items() if shutil.which(program) is None})


def codename(os_release: Path = OS_RELEASE) -> str:
    """The suite of this host where it is a Debian, else nothing."""
    lines = os_release.read_text().splitlines() if os_release.exists() else []
    fields = {name: value.strip("\"'") for name, _, value in (line.partition("=") for line in lines)}
    return fields.get("VERSION_CODENAME", "") if fields.get("ID") == "debian" else ""


def bootstrap(recipe: Recipe, origin: Origin, work: Path, tell: Callable[[str, float], object]) -> None:
    """Makes `work/root.tar`, `work/status` (dpkg's) and the packages of kernel and busybox. Raises CannotBuild.

    The tree `work/added` is copied over the root.
    """
    hook = work / "customize"
    hook.write_text(customize(recipe, work))
    hook.chmod(0o755)
    command = [
        *_apart(),
        "mmdebstrap",
        f"--mode={_mode()}",
        "--variant=minbase",
        *(f"--include={package}" for package in recipe.packages),
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in EXCLUDED),
        '--aptopt=Acquire::Languages "none"',
        '--aptopt=Acquire::Retries "3"',
        f'--customize-hook={shlex.quote(str(hook))} "$1"',
        origin.suite,
        str(work / "root.tar"),
        *_mirror(origin, work),
    ]
    said: list[str] = []
    try:
        run = Program(command, BUILD_SECONDS, environment(TMPDIR=str(work)), work)
        with contextlib.closing(program.lines(run)) as printed:
            for line in printed:
                said.append(line)
                del said[:-LOG_LINES]
                step = line.removeprefix("I: ").rstrip(".")
                if step in STEPS:
                    tell(step, STEPS[step])
    except ProgramFailed as error:
        raise CannotBuild(
            f"the root file system could not be made from Debian {origin.suite}: {error}. Its last lines:\n  "
            + "\n  ".join(said)
        ) from None


def _apart() -> list[str]:
    """Through what mmdebstrap is started: it and all that it starts end when we are killed, and what it mounts in the
    new root (/dev, /sys) is out of our sight and ends with it. Who may not have mounts of his own may not mount either.
    """
    ends_with_us = ["setpriv", "--pdeathsig", "KILL", "unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    for way in ([*ends_with_us, "--mount"], ["unshare", "--mount"]):
        with contextlib.suppress(ProgramFailed):
            program.run(Program([*way, "true"], UNSHARE_SECONDS, environment()))
            return way
    return []


def _mirror(origin: Origin, work: Path) -> list[str]:
    """Arguments of mmdebstrap; none is its own default."""
    if origin.mirror:
        return [origin.mirror]
    if origin.sources:
        (work / "host.list").write_text(origin.sources)
        return [str(work / "host.list")]
    return []


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
        program.run(Program(["dpkg-deb", "-x", str(package), str(into)], UNPACK_SECONDS, environment()))
    except ProgramFailed as error:
        raise CannotBuild(f"{package.name} cannot be unpacked: {error}") from None


def squash(tar: Path, image: Path) -> None:
    """A read-only file system of the tar's content. Raises CannotBuild."""
    command = ["mksquashfs", "-", str(image), "-tar", "-comp", "lz4", "-noappend", "-quiet", "-no-progress"]
    try:
        program.run(Program(command, SQUASH_SECONDS, environment(), source=tar))
    except ProgramFailed as error:
        raise CannotBuild(f"the root file system could not be compressed: {error}") from None


def _mode() -> str:
    """Raises CannotBuild."""
    if os.geteuid() == 0:
        return "root"
    if shutil.which("fakechroot") and shutil.which("fakeroot"):
        return "fakechroot"
    raise CannotBuild(
        "only root can build an image as this machine is: install fakechroot and fakeroot, or run this with sudo"
    )
