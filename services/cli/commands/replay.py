"""`firebreak events replay`: what is made from the log is made again, from its beginning."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING

import click
import msgspec

from libs.contracts import subjects
from services.cli.connection import Connection, connected, coroutine
from services.cli.outcome import Failed
from services.cli.words import plain

if TYPE_CHECKING:
    from services.learner.archive.parquet import Damaged

TELL_SECONDS = 2.0
"""Between two lines where there is no terminal to draw a bar on."""
Tell = Callable[[int, int], None]
"""Is told how many messages are in, of how many."""


class Replayed(msgspec.Struct, frozen=True):
    """What `--json` prints at the end; `lost` are parts that neither archive nor stream has."""

    positions: dict[str, int]
    seconds: float
    lost: list[str]


@click.command()
@click.option("--into", type=click.Choice(["analytics"]), required=True, help="What is made again.")
@click.option("--skip-lost", is_flag=True, help="Go on without what neither the archive nor the stream has any more.")
@click.option("--json", "as_json", is_flag=True, help="Progress and result as JSON, an object a line.")
@coroutine
async def replay(*, into: str, skip_lost: bool, as_json: bool) -> None:
    """Make the learner's file again from the archive and the streams, on the machine where the learner runs.

    It is made beside the one in use, and takes its place when it is whole: a learner that runs changes over between two
    events, and analysts read the old snapshots until then. Interrupted, it changes nothing.

    Example: firebreak events replay --into analytics
    """
    began = time.monotonic()
    async with connected() as connection:
        with _telling(as_json) as tell:
            positions, lost = await _replay(connection, skip_lost, tell)
    done = Replayed(positions, round(time.monotonic() - began, 3), lost)
    if as_json:
        click.echo(msgspec.json.encode(done))
        return
    count = f"{sum(positions.values()):,} messages"
    click.echo(f"{count} in {done.seconds:.1f} s; the new file is in use" + (", with holes" if lost else ""))


async def _replay(connection: Connection, skip_lost: bool, tell: Tell) -> tuple[dict[str, int], list[str]]:
    from libs.analytics.snapshot import FOLDER
    from services.learner.archive.parquet import Damaged
    from services.learner.archive.shelf import Shelf
    from services.learner.holes import UnexplainedHole
    from services.learner.replay.archived import Archived
    from services.learner.replay.rebuild import TAKEN_SECONDS, rebuild, switch
    from services.learner.store.database import NotStored, Unreadable
    from services.learner.store.library import Library, NotCopied
    from services.learner.store.successor import BeingMade

    settings, bus = connection.settings, connection.bus
    library = Library(settings.home / FOLDER)
    goals = {stream: (await bus.extent(stream)).last for stream in (subjects.DELIVERIES, subjects.EVENTS)}
    places: dict[str, int] = {}
    lost: list[str] = []

    def stored(stream: str, place: int) -> None:
        places[stream] = min(place, goals[stream])
        tell(sum(places.values()), sum(goals.values()))

    def left_out(why: Damaged) -> None:
        if not skip_lost:
            raise why
        click.echo(f"lost: {plain(str(why))}", err=True)
        lost.append(str(why))

    try:
        archived = Archived(bus, connection.blobs, Shelf(settings.archive), left_out, stored)
        positions = await rebuild(archived, library)
        taken = await switch(library)
    except Damaged as error:
        raise Failed(
            f"{error}. The stream has dropped it, too: put the file back from a copy, or go on without (--skip-lost). "
            "Nothing was changed."
        ) from None
    except (BeingMade, UnexplainedHole, NotStored, NotCopied, Unreadable, OSError) as error:
        raise Failed(f"{error}. The file in use is as it was.") from None
    if not taken:
        raise Failed(
            f"{library.successor.ready} is whole, but the learner that has {library.folder} has not taken it within "
            f"{TAKEN_SECONDS:.0f} s: it does at its next start, or look at what it does"
        )
    return positions, lost


@contextlib.contextmanager
def _telling(as_json: bool) -> Generator[Tell]:
    """A bar on a terminal, elsewhere a line from time to time."""
    if as_json or not sys.stderr.isatty():
        yield _Lines(as_json).tell
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None)
        yield lambda done, of: progress.update(task, completed=done, total=of)


class _Lines:
    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._began = self._told = time.monotonic()

    def tell(self, done: int, of: int) -> None:
        now = time.monotonic()
        if now - self._told < TELL_SECONDS:
            return
        self._told = now
        if self._as_json:
            click.echo(msgspec.json.encode({"done": done, "of": of}))
        else:
            click.echo(f"{done:,} of {of:,} messages, {done / (now - self._began):,.0f} a second", err=True)
