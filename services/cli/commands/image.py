"""`firebreak image`: the guest images of this host, without which no job gets a machine of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager

import click
import msgspec

from libs.settings import BadSetting, read_settings
from services.cli import outcome, words
from services.cli.outcome import Usage
from services.vm_agent.image.build import CannotBuild, Tell, ensure
from services.vm_agent.image.recipe import RECIPES
from services.vm_agent.image.store import DamagedImage, Image, NoImage, Store, verify


class ImageRow(msgspec.Struct):
    """An image as `ls` and `show` tell of it. `names` stand for it now."""

    id: str
    name: str
    names: list[str]
    suite: str
    kernel: str
    built: str
    size_bytes: int
    packages: int


@click.group()
def command() -> None:
    """Guest images: kernel, root file system and guest agent of this host's machines.

    Example: firebreak image build --size standard
    """


@command.command()
@click.option("--size", type=click.Choice(sorted(RECIPES)), default="minimal", show_default=True, help="What is in it.")
@click.option("--suite", default="", help="The Debian release.  [default: this host's, else a stable one]")
@click.option("--anew", is_flag=True, help="With today's packages, even if there is one.")
@click.option("--json", "as_json", is_flag=True, help="The image as JSON.")
def build(*, size: str, suite: str, anew: bool, as_json: bool) -> None:
    """Builds an image from Debian's packages, unless it is there already.

    minimal has bash, git, curl, python3 and sudo; standard also compilers, Node.js 20 and 24, jq and podman.

    Example: firebreak image build --size standard
    """
    store = _store()
    try:
        with _progress() as tell:
            image, made = ensure(store, RECIPES[size], tell, suite=suite, anew=anew)
    except CannotBuild as error:
        raise outcome.Failed(str(error)) from None
    click.echo(f"image {image.name} ({image.id}): {made}, {words.size(image.size_bytes)}, in {image.folder}", err=True)
    if as_json:
        click.echo(msgspec.json.encode(_row(store, image)).decode())
    else:
        click.echo(image.id)


@command.command("ls")
@click.option("--json", "as_json", is_flag=True, help="A list of images as JSON.")
def list_images(*, as_json: bool) -> None:
    """All images of this host, the newest first.

    Example: firebreak image ls
    """
    store = _store()
    rows = [_row(store, image) for image in store.ls()]
    if as_json:
        click.echo(msgspec.json.encode(rows).decode())
        return
    cells = [(r.id, ", ".join(r.names) or "-", r.kernel, words.size(r.size_bytes), r.built) for r in rows]
    words.table(("ID", "NAMES", "KERNEL", "SIZE", "BUILT"), cells)
    if not rows:
        click.echo(f"No image in {store.folder}. Build one: firebreak image build", err=True)


@command.command()
@click.argument("image")
@click.option("--json", "as_json", is_flag=True, help="Its manifest as JSON.")
def show(*, image: str, as_json: bool) -> None:
    """IMAGE (a name, an id, or an id's first digits): its files, their hashes, its packages.

    Example: firebreak image show minimal
    """
    found = _find(_store(), image)
    manifest = found.manifest
    if as_json:
        click.echo(msgspec.json.encode(manifest).decode())
        return
    click.echo(f"{manifest.name} ({manifest.id}), {manifest.suite}, kernel {manifest.kernel}, built {manifest.built}")
    click.echo(f"in {found.folder}")
    for name, file in manifest.files.items():
        click.echo(f"  {name}: {words.size(file.bytes)}, sha256 {file.sha256}")
    click.echo(f"{len(manifest.packages)} packages:")
    for name, version in sorted(manifest.packages.items()):
        click.echo(f"  {name} {version}")


@command.command()
@click.argument("image")
@click.option("--json", "as_json", is_flag=True, help="What was removed, as JSON.")
def rm(*, image: str, as_json: bool) -> None:
    """Removes IMAGE. Machines that run go on; nothing can be started from it any more.

    Example: firebreak image rm 1a2b3c4d5e6f7a8b
    """
    store = _store()
    found = _find(store, image)
    store.rm(found)
    click.echo(f"image {found.name} ({found.id}) is removed", err=True)
    if as_json:
        click.echo(msgspec.json.encode({"removed": found.id}).decode())


@command.command("verify")
@click.argument("image", required=False)
@click.option("--json", "as_json", is_flag=True, help="A list of {id, whole, why} as JSON.")
def verify_images(*, image: str | None, as_json: bool) -> int:
    """Reads IMAGE, or all of them, and compares each byte with what was built. Exits 1 where one is damaged.

    Example: firebreak image verify
    """
    store = _store()
    found = [_find(store, image)] if image else store.ls()
    results = [{"id": one.id, "name": one.name, "whole": not (why := _trouble(one)), "why": why} for one in found]
    if as_json:
        click.echo(msgspec.json.encode(results).decode())
    else:
        for one in results:
            click.echo(f"{one['name']} ({one['id']}): {one['why'] or 'whole'}")
    return outcome.OK if all(one["whole"] for one in results) else outcome.RUN_FAILED


def _trouble(image: Image) -> str:
    try:
        verify(image)
    except (DamagedImage, OSError) as error:
        return str(error)
    return ""


def _store() -> Store:
    try:
        return Store(read_settings().images)
    except BadSetting as error:
        raise Usage(str(error)) from None


def _find(store: Store, name: str) -> Image:
    try:
        return store.find(name)
    except NoImage as error:
        raise Usage(str(error)) from None
    except DamagedImage as error:
        raise outcome.Failed(str(error)) from None


def _row(store: Store, image: Image) -> ImageRow:
    manifest = image.manifest
    names = [name for name, image_id in store.names().items() if image_id == image.id]
    return ImageRow(
        id=image.id,
        name=image.name,
        names=sorted(names),
        suite=manifest.suite,
        kernel=manifest.kernel,
        built=manifest.built,
        size_bytes=image.size_bytes,
        packages=len(manifest.packages),
    )


@contextmanager
def _progress() -> Generator[Tell]:
    """A bar on a terminal, a line for each step elsewhere."""
    if not sys.stderr.isatty():
        yield _plain()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=1.0)
        yield lambda what, part: progress.update(task, description=words.plain(what), completed=part)


def _plain() -> Callable[[str, float], object]:
    return lambda what, part: click.echo(f"{part:4.0%}  {words.plain(what)}", err=True)
