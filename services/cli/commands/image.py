"""`firebreak image`: the guest images of this host, without which no job gets a machine of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime

import click
import msgspec

from libs.environment import BadSetting
from libs.settings import read_settings
from services.cli import outcome, words
from services.cli.outcome import Usage
from services.vm_agent.image.build import CannotBuild, Tell, Wish, ensure
from services.vm_agent.image.recipe import RECIPES
from services.vm_agent.image.store import DamagedImage, Image, NoImage, Store, on_disk_bytes, own_bytes, verify


class ImageRow(msgspec.Struct):
    """An image as `ls` and `build` tell of it. `names` stand for it now; `own_bytes` is what its removal frees, for
    images share the files that are the same in them."""

    id: str
    name: str
    names: list[str]
    suite: str
    kernel: str
    built: str
    size_bytes: int
    packages: int
    own_bytes: int


@click.group()
def command() -> None:
    """Guest images: kernel, root file system and guest agent of this host's machines.

    Example: firebreak image build --size standard
    """


@command.command()
@click.option("--size", type=click.Choice(sorted(RECIPES)), default="minimal", show_default=True, help="What is in it.")
@click.option("--suite", default="", help="The Debian release.  [default: this host's, else bookworm]")
@click.option("--mirror", default="", help="Of Debian's packages.  [default: this host's, else mmdebstrap's own]")
@click.option("--anew", is_flag=True, help="With today's packages, even if there is one.")
@click.option("--json", "as_json", is_flag=True, help="The image as JSON.")
def build(*, size: str, suite: str, mirror: str, anew: bool, as_json: bool) -> None:
    """Builds an image from Debian's packages, unless it is there already.

    minimal has bash, git, curl, python3, sudo, podman and Node.js 24; standard also compilers, Node.js 20 and jq.

    Example: firebreak image build --size standard
    """
    store = _store()
    try:
        with _progress() as tell:
            image, made = ensure(store, RECIPES[size], tell, Wish(suite, mirror, anew))
    except CannotBuild as error:
        raise outcome.Failed(str(error)) from None
    age = "" if made == "built" else f", its packages are {_age(image.manifest.built)}"
    size_now = words.size(image.size_bytes)
    click.echo(f"image {image.name} ({image.id}): {made}, {size_now}, in {image.folder}{age}", err=True)
    if old := store.unused():
        click.echo(f"no longer used: {_images(len(old))}; `firebreak image rm --unused` removes them", err=True)
    if as_json:
        click.echo(msgspec.json.encode(_row(store, image)).decode())
    else:
        click.echo(image.id)


@command.command("ls")
@click.option("--json", "as_json", is_flag=True, help="A list of images as JSON.")
def list_images(*, as_json: bool) -> None:
    """All images of this host, the newest first.

    Images share the files that are the same in them; ALONE is what the removal of one would free.

    Example: firebreak image ls
    """
    store = _store()
    rows = [_row(store, image) for image in store.ls()]
    if as_json:
        click.echo(msgspec.json.encode(rows).decode())
        return
    cells = [
        (r.id, ", ".join(r.names) or "-", r.kernel, words.size(r.size_bytes), words.size(r.own_bytes), r.built)
        for r in rows
    ]
    words.table(("ID", "NAMES", "KERNEL", "SIZE", "ALONE", "BUILT"), cells)
    if rows:
        click.echo(f"{_images(len(rows))}, {words.size(on_disk_bytes(store.ls()))} on the disk", err=True)
    for why in store.unreadable().values():
        click.echo(f"damaged: {words.plain(why)}", err=True)
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
@click.argument("image", required=False)
@click.option("--unused", is_flag=True, help="All that no name stands for and no machine runs from.")
@click.option("--json", "as_json", is_flag=True, help="What was removed, as JSON.")
def rm(*, image: str | None, unused: bool, as_json: bool) -> None:
    """Removes IMAGE. Machines that run go on; nothing can be started from it any more, saved machines neither.

    Example: firebreak image rm --unused
    """
    store = _store()
    if bool(image) == unused:
        raise Usage("name one image to remove, or --unused")
    going = store.unused() if unused else [_find(store, image or "")]
    for one in going:
        store.rm(one)
        click.echo(f"image {one.name} ({one.id}) is removed", err=True)
    if not going:
        click.echo("nothing to remove: a name stands for each image, or a machine runs from it", err=True)
    if as_json:
        click.echo(msgspec.json.encode({"removed": [one.id for one in going]}).decode())


@command.command("verify")
@click.argument("image", required=False)
@click.option("--json", "as_json", is_flag=True, help="A list of {id, name, whole, why} as JSON.")
def verify_images(*, image: str | None, as_json: bool) -> int:
    """Reads IMAGE, or all of them, and compares each byte with what was built.

    Exits 1 where one is damaged, and 2 where there is none.

    Example: firebreak image verify
    """
    store = _store()
    results = _verified(store, image)
    if not results:
        raise Usage(f"there is no image in {store.folder}; `firebreak image build` builds one")
    if as_json:
        click.echo(msgspec.json.encode(results).decode())
    else:
        for one in results:
            click.echo(words.plain(f"{one.name} ({one.id}): {one.why or 'whole'}"))
    return outcome.OK if all(one.whole for one in results) else outcome.RUN_FAILED


class Verified(msgspec.Struct):
    """Where a manifest cannot be read, id and name are that of the folder or link."""

    id: str
    name: str
    whole: bool
    why: str


def _verified(store: Store, name: str | None) -> list[Verified]:
    unreadable = store.unreadable()
    if name in unreadable:
        return [Verified(name, name, False, unreadable[name])]
    found = [_find(store, name)] if name else store.ls()
    results = [Verified(one.id, one.name, not (why := _trouble(one)), why) for one in found]
    if not name:
        results += [Verified(place, place, False, why) for place, why in unreadable.items()]
    return results


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


def _images(count: int) -> str:
    return f"{count} image{'' if count == 1 else 's'}"


def _age(built: str) -> str:
    """Of a time in RFC 3339, in words."""
    try:
        days = (datetime.now(UTC) - datetime.fromisoformat(built)).days
    except (ValueError, TypeError):
        return f"of {words.plain(built)}"
    if days < 1:
        return "of today"
    return f"{days} day{'' if days == 1 else 's'} old; --anew takes today's"


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
        own_bytes=own_bytes(image),
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
