"""`firebreak events`: the log itself, an envelope a line."""

from __future__ import annotations

import contextlib
import itertools
import re
from datetime import UTC, datetime, timedelta

import click
import msgspec

from libs.bus.port import Bus, Extent, Stored
from libs.contracts import subjects
from libs.contracts.delivery import DeliveryReceived
from libs.contracts.envelope import Envelope, decode_commit, envelopes
from libs.contracts.ids import token
from services.cli.commands.replay import replay
from services.cli.connection import connected, coroutine
from services.cli.outcome import Usage
from services.cli.words import clock, plain

SHOWN_CHARACTERS = 160
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@click.group()
def command() -> None:
    """The event log: everything that happened, and nothing else is true.

    Example: firebreak events tail --since 1h --json
    """


command.add_command(replay)


@command.command()
@click.option("--subject", help="A NATS subject, wildcards allowed: 'ev.run.>', 'raw.delivery.*'.  [default: ev.>]")
@click.option("--type", "types", multiple=True, help="Only events of this type; may be given again.")
@click.option("--repo", help="OWNER/NAME: only what names this repository in its subject.")
@click.option("--run", "run_id", type=int, help="Only this run and its attempts.")
@click.option("--since", help="Begin so long ago (90s, 15m, 2h, 7d) or at an RFC 3339 time; 0: the log's start.")
@click.option("--follow/--no-follow", default=True, help="Wait for more, or end where the log ends.")
@click.option("--json", "as_json", is_flag=True, help="One envelope a line, as JSON.")
@coroutine
async def tail(
    *,
    subject: str | None,
    types: tuple[str, ...],
    repo: str | None,
    run_id: int | None,
    since: str | None,
    follow: bool,
    as_json: bool,
) -> None:
    """Events, oldest first, then live. A delivery's GUID is in the subject or the cause of all that follows from it.

    Example: firebreak events tail --since 0 --no-follow --type RunFinished --json
    """
    start = _start_of(since) if since else None
    filters = (subject,) if subject else ("ev.>",)
    stream = _stream(filters[0])
    async with connected() as connection:
        live_only = since is None and follow
        extent = await connection.bus.extent(stream)
        after = extent.last if live_only else await _place(connection.bus, stream, extent, start)
        reader = connection.bus.tail(stream, filters, after, follow=follow)
        async with contextlib.aclosing(reader):
            async for message in reader:
                if not isinstance(message, Stored) or (start and message.time < start):
                    continue
                for envelope in envelopes(decode_commit(message.data), message.seq):
                    if _wanted(envelope, types, repo, run_id):
                        _show(envelope, as_json)


@command.command()
@click.argument("seq", type=click.IntRange(min=1))
@click.option("--stream", default=subjects.EVENTS, show_default=True, help="EVENTS or DELIVERIES.")
@click.option("--json", "as_json", is_flag=True, help="One envelope a line, as JSON.")
@coroutine
async def get(*, seq: int, stream: str, as_json: bool) -> None:
    """The commit at one place of the log; a delivery with its body.

    Example: firebreak events get 42 --json
    """
    if stream not in (subjects.EVENTS, subjects.DELIVERIES):
        raise Usage(f"--stream {stream}: expected {subjects.EVENTS} or {subjects.DELIVERIES}")
    async with connected() as connection:
        stored = await connection.bus.get(stream, seq)
        if stored is None:
            raise Usage(
                f"{stream} holds nothing at {seq}: it never did, it is older than the stream keeps, or was erased"
            )
        for envelope in envelopes(decode_commit(stored.data), seq):
            if as_json:
                _show(envelope, True)
            else:
                click.echo(msgspec.json.format(msgspec.json.encode(envelope), indent=2))


def _stream(filter: str) -> str:
    try:
        stream = subjects.stream_of(filter)
    except KeyError:
        raise Usage(f"--subject {filter}: no stream holds it; events begin with ev. or raw.delivery.") from None
    if stream not in (subjects.EVENTS, subjects.DELIVERIES):
        raise Usage(f"--subject {filter}: {stream} holds no events; they begin with ev. or raw.delivery.")
    return stream


def _start_of(since: str) -> datetime | None:
    """None for the log's start."""
    if since == "0":
        return None
    if match := re.fullmatch(r"([0-9]{1,9})([smhd])", since):
        return datetime.now(UTC) - timedelta(**{_UNITS[match[2]]: int(match[1])})
    try:
        time = datetime.fromisoformat(since)
    except ValueError:
        raise Usage(f"--since {since}: expected 90s, 15m, 2h, 7d, 0 or an RFC 3339 time") from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


async def _place(bus: Bus, stream: str, extent: Extent, start: datetime | None) -> int:
    """The last place before `start`, by halving: times grow with places. Without a start, the stream's."""
    low, high = extent.first - 1, extent.last
    if start is None:
        return low
    while low < high:
        middle = (low + high + 1) // 2
        stored = await bus.get(stream, middle)
        if stored is not None and stored.time < start:
            low = middle
        else:
            high = middle - 1
    return low


def _wanted(envelope: Envelope, types: tuple[str, ...], repo: str | None, run_id: int | None) -> bool:
    tokens = envelope.subject.split(".")
    if types and envelope.type not in types:
        return False
    if run_id is not None and str(run_id) not in tokens:
        return False
    if repo is None:
        return True
    try:
        owner, name = (token(part) for part in repo.split("/"))
    except ValueError:
        raise Usage(f"--repo {repo}: expected OWNER/NAME") from None
    return (owner, name) in itertools.pairwise(tokens)


def _show(envelope: Envelope, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode(envelope).decode())
        return
    data = bytes(envelope.data).decode()
    if envelope.type == DeliveryReceived.__name__:
        data = "(its body: `firebreak events get --stream DELIVERIES`)"
    text = data if len(data) <= SHOWN_CHARACTERS else data[:SHOWN_CHARACTERS] + "…"
    click.echo(f"{envelope.seq:>8} {clock(envelope.time)} {envelope.type:20} {envelope.subject}  {plain(text)}")
