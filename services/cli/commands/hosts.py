"""`firebreak hosts`: the machines that run jobs."""

from __future__ import annotations

import uuid

import click
import msgspec

from libs.bus.port import Bus
from libs.contracts import subjects
from libs.contracts.commands import DrainHost
from libs.contracts.envelope import decode_commit, encode
from libs.contracts.host import HostDraining, HostEvent, HostJoined, HostLeft
from libs.contracts.ids import CommandId, HostId, parse_host_id
from libs.contracts.size import Size
from services.cli import words
from services.cli.connection import connected, coroutine
from services.cli.outcome import Usage
from services.cli.watching import hosts_now

_events = msgspec.json.Decoder(HostEvent)


class HostRow(msgspec.Struct):
    """A host as the log and its heartbeat tell of it. `state`: available, busy, draining, silent or left."""

    host: HostId
    state: str = "silent"
    driver: str = ""
    labels: tuple[str, ...] = ()
    group: str = ""
    largest: Size | None = None
    usual: Size | None = None
    memory_mib: int = 0
    free_mib: int | None = None
    slots: int = 0
    free_slots: int = 0
    running: tuple[str, ...] = ()
    left: str = ""


@click.group()
def command() -> None:
    """Hosts: what each offers, whether it answers, and what it runs now.

    Example: firebreak hosts ls
    """


@command.command("ls")
@click.option("--json", "as_json", is_flag=True, help="A list of hosts as JSON.")
@coroutine
async def list_hosts(*, as_json: bool) -> None:
    """All hosts that ever joined and have not left. Listens for one heartbeat of each (6 s).

    Example: firebreak hosts ls --json
    """
    async with connected() as connection:
        rows = await host_rows(connection.bus)
    if as_json:
        click.echo(msgspec.json.encode(rows).decode())
        return
    cells = [(r.host, r.state, r.driver, f"{r.free_slots}/{r.slots}", ", ".join(r.labels)) for r in rows]
    words.table(("HOST", "STATE", "DRIVER", "FREE", "LABELS"), cells)
    if not rows:
        click.echo("No host has joined. Start one: firebreak agent", err=True)


@command.command()
@click.argument("host")
@click.option("--json", "as_json", is_flag=True, help="The host as JSON.")
@coroutine
async def show(*, host: str, as_json: bool) -> None:
    """One host, and the attempts that it runs now.

    Example: firebreak hosts show build-1
    """
    async with connected() as connection:
        rows = {row.host: row for row in await host_rows(connection.bus)}
    row = rows.get(HostId(host))
    if row is None:
        raise Usage(f"no host {host} has joined; there are {', '.join(rows) or 'none'}")
    if as_json:
        click.echo(msgspec.json.encode(row).decode())
        return
    click.echo(f"{row.host}: {row.state}, driver {row.driver}, {row.free_slots} of {row.slots} slots free")
    click.echo(f"labels: {', '.join(row.labels)}; group: {row.group}")
    if row.largest is not None:
        click.echo(f"machines: {row.usual} unless a job asks for a size, up to {row.largest}")
        click.echo(f"memory: {row.free_mib} of {row.memory_mib} MiB free for jobs")
    for attempt in row.running:
        click.echo(f"runs {attempt}")


@command.command()
@click.argument("host")
@click.option("--json", "as_json", is_flag=True, help="JSON on standard output.")
@coroutine
async def drain(*, host: str, as_json: bool) -> None:
    """HOST finishes what it runs and takes nothing new.

    Example: firebreak hosts drain build-1
    """
    await _send_drain(host, undrain=False, as_json=as_json)


@command.command()
@click.argument("host")
@click.option("--json", "as_json", is_flag=True, help="JSON on standard output.")
@coroutine
async def undrain(*, host: str, as_json: bool) -> None:
    """HOST takes jobs again.

    Example: firebreak hosts undrain build-1
    """
    await _send_drain(host, undrain=True, as_json=as_json)


async def _send_drain(host: str, *, undrain: bool, as_json: bool) -> None:
    try:
        host_id = parse_host_id(host)
    except ValueError as error:
        raise Usage(str(error)) from None
    async with connected() as connection:
        if not await connection.bus.load(subjects.host(host_id)):
            raise Usage(f"no host {host} has ever joined; `firebreak hosts ls` lists them")
        command = DrainHost(id=CommandId(str(uuid.uuid4())), host=host_id, by="cli", undrain=undrain)
        await connection.bus.enqueue(subjects.host_command(host_id), encode(command), message_id=command.id)
    if as_json:
        click.echo(msgspec.json.encode({"host": host, "drain": not undrain}).decode())
    click.echo(
        f"{host} is told to {'take jobs again' if undrain else 'drain'}; `firebreak hosts show {host}` tells", err=True
    )


async def host_rows(bus: Bus) -> list[HostRow]:
    """What the log says of each host, with what its heartbeat says now."""
    rows: dict[HostId, HostRow] = {}
    for stored in await bus.load(subjects.ALL_HOSTS):
        host = HostId(stored.subject.rpartition(".")[2])
        row = rows.setdefault(host, HostRow(host))
        for raw in decode_commit(stored.data).events:
            _fold(row, raw)
    for host, beat in (await hosts_now(bus)).items():
        row = rows.setdefault(host, HostRow(host))
        row.slots, row.free_slots, row.running = beat.slots, beat.free_slots, beat.running
        row.free_mib = beat.free_mib
        row.state = "draining" if beat.draining else "available" if beat.free_slots else "busy"
    return sorted((row for row in rows.values() if row.state != "left"), key=lambda row: row.host)


def _fold(row: HostRow, raw: msgspec.Raw) -> None:
    try:
        event = _events.decode(raw)
    except msgspec.ValidationError:
        return
    if isinstance(event, HostJoined):
        row.state, row.driver, row.labels, row.slots = "silent", event.driver, event.labels, event.slots
        row.group = event.group
        row.largest, row.usual, row.memory_mib = event.largest, event.usual, event.memory_mib
    elif isinstance(event, HostLeft):
        row.state, row.left = "left", event.why
    elif isinstance(event, HostDraining):
        row.state = "silent"
