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
from collections.abc import Callable, Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec

from services.vm_agent.image import debian, initrd, nodes
from services.vm_agent.image.debian import CannotBuild
from services.vm_agent.image.kernel import NotAKernel, unpack
from services.vm_agent.image.recipe import BOOT_MODULES, Recipe
from services.vm_agent.image.store import (
    BOOT,
    BUILDING,
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
)
from services.vm_agent.sandbox.protocol import SandboxError

NEEDED_BYTES = {"minimal": 2 * 1024**3, "standard": 8 * 1024**3}
"""Free disk while it is built: the tree, the tar of it and the image."""
ARCHITECTURE = "x86_64"

Made = Literal["built", "refreshed", "already there"]
Tell = Callable[[str, float], object]
"""Gets what is done now, and the part of the whole that is done, 0 to 1."""


def ensure(store: Store, recipe: Recipe, tell: Tell, *, suite: str = "", anew: bool = False) -> tuple[Image, Made]:
    """The image of this recipe with our own files as they are now. Raises CannotBuild.

    `anew` builds with the packages of today even where there is one.
    """
    _check_machine(recipe, store)
    there = None if anew else _built(store, recipe, suite)
    if there is None:
        return _build(store, recipe, suite or debian.codename(), tell), "built"
    if there.manifest.guest != initrd.guest_digest():
        return _refresh(store, there), "refreshed"
    store.name(recipe.name, there.id)
    return there, "already there"


def _built(store: Store, recipe: Recipe, suite: str) -> Image | None:
    """The newest image of this recipe that is whole; one with our present files first."""
    found: list[Image] = []
    for image in store.ls():
        if image.manifest.recipe == recipe.digest and suite in ("", image.manifest.suite):
            with contextlib.suppress(SandboxError):
                check(image)
                found.append(image)
    present = [image for image in found if image.manifest.guest == initrd.guest_digest()]
    return next(iter([*present, *found]), None)


def _build(store: Store, recipe: Recipe, suite: str, tell: Tell) -> Image:
    missing = debian.missing_programs()
    if missing:
        raise CannotBuild(f"building an image needs programs that are not here: apt-get install {' '.join(missing)}")
    with _building(store) as building, tempfile.TemporaryDirectory(prefix="firebreak-image-") as folder:
        work = Path(folder)
        added = work / "added"
        added.mkdir()
        if recipe.nodes:
            tell("fetching Node.js", 0.01)
            nodes.add(recipe.nodes, added, work)
        debian.bootstrap(recipe, suite, work, added, tell)
        tell("compressing the root file system", 0.88)
        debian.squash(work / "root.tar", building / ROOT)
        tell("taking the kernel out of its package", 0.95)
        release = _boot_files(work, building)
        manifest = Manifest(
            id="",
            name=recipe.name,
            suite=suite,
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
    with _building(store) as building:
        for name in (KERNEL, BOOT, ROOT):
            os.link(f"{old.folder}/{name}", building / name)
        _write_initrd(building)
        return _publish(store, building, msgspec.structs.replace(old.manifest, guest=initrd.guest_digest()))


def _write_initrd(building: Path) -> None:
    (building / INITRD).write_bytes((building / BOOT).read_bytes() + initrd.guest_archive())


def _publish(store: Store, building: Path, manifest: Manifest) -> Image:
    files = {name: File(digest(str(building / name)), (building / name).stat().st_size) for name in FILES}
    return store.publish(building, msgspec.structs.replace(manifest, id=id_of(files), files=files))


@contextlib.contextmanager
def _building(store: Store) -> Generator[Path]:
    """A folder beside the images, gone afterwards unless it was published. What killed builds left is removed."""
    store.folder.mkdir(parents=True, exist_ok=True)
    for left in store.folder.glob(f"{BUILDING}*"):
        owner = left.name.rpartition("-")[2]
        if not (owner.isdigit() and os.path.exists(f"/proc/{owner}")):
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=BUILDING, suffix=f"-{os.getpid()}", dir=store.folder))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _check_machine(recipe: Recipe, store: Store) -> None:
    """Raises CannotBuild."""
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
