"""Builds an image and publishes it; what is built already is not built again.

Blocking: it is for the command line. A build that is interrupted leaves nothing; one that was killed leaves a folder
that the next one removes.
"""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec

from services.vm_agent.image import debian, folders, initrd, nodes, sources
from services.vm_agent.image.debian import CannotBuild, Origin
from services.vm_agent.image.kernel import NotAKernel, unpack
from services.vm_agent.image.recipe import BOOT_MODULES, Recipe
from services.vm_agent.image.store import (
    BOOT,
    FILES,
    INITRD,
    KERNEL,
    ROOT,
    File,
    Image,
    Manifest,
    Store,
    check,
    digest,
    id_of,
    verify,
)
from services.vm_agent.sandbox.protocol import SandboxError

NEEDED_BYTES = {"minimal": 3 * 1024**3, "standard": 8 * 1024**3}
"""Free disk while it is built: the tree, the tar of it and the image."""
ARCHITECTURE = "x86_64"

Made = Literal["built", "refreshed", "already there"]
Tell = Callable[[str, float], object]
"""Gets what is done now, and the part of the whole that is done, 0 to 1."""


class Wish(msgspec.Struct, frozen=True):
    """Nothing in it is the host's own suite and sources. `anew`: with today's packages even where an image is."""

    suite: str = ""
    mirror: str = ""
    anew: bool = False


HOSTS_OWN = Wish()


def ensure(store: Store, recipe: Recipe, tell: Tell, wish: Wish = HOSTS_OWN) -> tuple[Image, Made]:
    """The image of this recipe with our own files as they are now. Raises CannotBuild."""
    try:
        there = None if wish.anew else _built(store, recipe, wish.suite)
        if there is None:
            check_machine(recipe, store)
            return _build(store, recipe, _origin(wish, tell), tell), "built"
        if there.manifest.guest != initrd.guest_digest():
            return _refresh(store, there), "refreshed"
        store.name(recipe.name, there.id)
    except OSError as error:
        raise CannotBuild(f"{error.filename or store.folder}: {error.strerror or error}") from None
    return there, "already there"


def _built(store: Store, recipe: Recipe, suite: str) -> Image | None:
    """The newest image of this recipe that is whole; of equals the one with our present files.

    All bytes are read before its files become another image's: what is damaged must not get a new hash.
    """
    guest = initrd.guest_digest()
    fit = [image for image in store.ls() if image.manifest.recipe == recipe.digest]
    for image in sorted(fit, key=lambda image: (image.manifest.built, image.manifest.guest == guest), reverse=True):
        if suite in ("", image.manifest.suite):
            with contextlib.suppress(SandboxError):
                (check if image.manifest.guest == guest else verify)(image)
                return image
    return None


def _origin(wish: Wish, tell: Tell) -> Origin:
    suite = wish.suite or debian.codename()
    if not suite:
        suite = debian.USUAL_SUITE
        tell(f"this host is no Debian, so Debian {suite} is taken (--suite names another)", 0.0)
    return Origin(suite, wish.mirror, sources.of_host(suite))


def _build(store: Store, recipe: Recipe, origin: Origin, tell: Tell) -> Image:
    missing = debian.missing_programs()
    if missing:
        raise CannotBuild(f"building an image needs programs that are not here: apt-get install {' '.join(missing)}")
    with folders.building(store.folder) as building, folders.working() as work:
        added = work / "added"
        added.mkdir()
        if recipe.nodes:
            tell("fetching Node.js", 0.01)
            nodes.add(recipe.nodes, added, work)
        debian.bootstrap(recipe, origin, work, tell)
        tell("compressing the root file system", 0.88)
        debian.squash(work / "root.tar", building / ROOT)
        tell("taking the kernel out of its package", 0.95)
        release = _boot_files(work, building)
        manifest = Manifest(
            id="",
            name=recipe.name,
            suite=origin.suite,
            architecture=ARCHITECTURE,
            kernel=release,
            recipe=recipe.digest,
            guest=initrd.guest_digest(),
            built=datetime.now(UTC).isoformat(timespec="seconds"),
            files={},
            packages=debian.packages((work / "status").read_text()),
        )
        image = _publish(store, building, manifest)
    tell("done", 1.0)
    return image


def _boot_files(work: Path, building: Path) -> str:
    """Kernel, boot archive and initrd; the kernel's release."""
    for package in (*work.glob("linux-image-*.deb"), *work.glob("busybox-static_*.deb")):
        debian.unpack(package, work / "boot")
    tree = work / "boot"
    (release,) = os.listdir(tree / "lib/modules")
    try:
        kernel = unpack((tree / f"boot/vmlinuz-{release}").read_bytes())
        modules = initrd.modules_of(tree / "lib/modules" / release, BOOT_MODULES)
    except (NotAKernel, initrd.MissingModule) as error:
        raise CannotBuild(f"the kernel {release} cannot be used: {error}") from None
    (building / KERNEL).write_bytes(kernel)
    busybox = next(path for path in (tree / "bin/busybox", tree / "usr/bin/busybox") if path.exists())
    (building / BOOT).write_bytes(initrd.boot_archive(busybox.read_bytes(), modules))
    _write_initrd(building)
    return release


def _refresh(store: Store, old: Image) -> Image:
    """The same image with our own files as they are now; what is the same is not copied."""
    with folders.building(store.folder) as building:
        for name in (KERNEL, BOOT, ROOT):
            _share(Path(old.folder) / name, building / name)
        _write_initrd(building)
        return _publish(store, building, msgspec.structs.replace(old.manifest, guest=initrd.guest_digest()))


def _share(old: Path, new: Path) -> None:
    """Both are one file where the file system can do that."""
    try:
        os.link(old, new)
    except OSError:
        shutil.copyfile(old, new)


def _write_initrd(building: Path) -> None:
    (building / INITRD).write_bytes((building / BOOT).read_bytes() + initrd.guest_archive())


def _publish(store: Store, building: Path, manifest: Manifest) -> Image:
    files = {name: File(digest(str(building / name)), (building / name).stat().st_size) for name in FILES}
    return store.publish(building, msgspec.structs.replace(manifest, id=id_of(files), files=files))


def check_machine(recipe: Recipe, store: Store) -> None:
    """That an image of it can be built here. Raises CannotBuild."""
    if platform.machine() != ARCHITECTURE:
        raise CannotBuild(f"images are for {ARCHITECTURE}, and this machine is {platform.machine()}")
    store.folder.mkdir(parents=True, exist_ok=True)
    for place in (store.folder, Path(tempfile.gettempdir())):
        free = shutil.disk_usage(place).free
        needed = NEEDED_BYTES[recipe.name]
        if free < needed:
            raise CannotBuild(
                f"{place} has {free / 1024**3:.1f} GiB free, and building {recipe.name} needs {needed / 1024**3:.0f}: "
                "free some, or set FIREBREAK_IMAGES or TMPDIR to another disk"
            )
