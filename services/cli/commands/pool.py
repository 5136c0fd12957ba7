"""`firebreak pool`: the machines that stand ready on each host, as the hosts' heartbeats tell of them."""

from __future__ import annotations

from collections.abc import Mapping

import click
import msgspec

from libs.contracts.host import Heartbeat, PoolState
from libs.contracts.ids import HostId
from services.cli import words
from services.cli.connection import connected, coroutine
from services.cli.outcome import Usage
from services.cli.watching import hosts_now

SHORT_ID = 12
"""Of an image's id: as many characters as tell a host's images apart."""


class PoolRow(msgspec.Struct, frozen=True):
    """One pool of one host. `hit_rate` is None before the first job."""

    host: HostId
    pool: PoolState
    hit_rate: float | None = None


@click.group()
def command() -> None:
    """Warm pools: the machines that stand ready on each host before a job wants one.

    Example: firebreak pool ls
    """


@command.command("ls")
@click.option("--json", "as_json", is_flag=True, help="A list of pools as JSON.")
@coroutine
async def list_pools(*, as_json: bool) -> None:
    """The pools of every host that answers. Listens for one heartbeat of each (6 s).

    Example: firebreak pool ls --json
    """
    rows = pool_rows(await _beats())
    if as_json:
        click.echo(msgspec.json.encode(rows).decode())
        return
    cells = [(row.host, row.pool.trust, row.pool.size, _filled(row.pool), _hits(row), _state(row.pool)) for row in rows]
    words.table(("HOST", "TRUST", "SIZE", "READY", "HITS", "STATE"), cells)
    if not rows:
        click.echo("No host that answers has a pool: FIREBREAK_POOL sets them where jobs get machines.", err=True)


@command.command()
@click.argument("host")
@click.option("--json", "as_json", is_flag=True, help="A list of the host's pools as JSON.")
@coroutine
async def show(*, host: str, as_json: bool) -> None:
    """HOST's pools: template, machines, hits and misses, and what keeps a pool empty.

    Example: firebreak pool show build-1
    """
    beats = await _beats()
    beat = beats.get(HostId(host))
    if beat is None:
        raise Usage(f"host {host} does not answer; `firebreak hosts ls` lists all, and {_answering(beats)} answer")
    rows = pool_rows({beat.host: beat})
    if as_json:
        click.echo(msgspec.json.encode(rows).decode())
        return
    click.echo(f"{beat.host}: {len(rows)} pools{', draining' if beat.draining else ''}")
    for row in rows:
        for line in described(row):
            click.echo(words.plain(line))


def pool_rows(beats: Mapping[HostId, Heartbeat]) -> list[PoolRow]:
    """By host, then in the order in which each host fills them."""
    return [PoolRow(host, pool, _rate(pool)) for host, beat in sorted(beats.items()) for pool in beat.pools]


async def _beats() -> Mapping[HostId, Heartbeat]:
    async with connected() as connection:
        return await hosts_now(connection.bus)


def described(row: PoolRow) -> list[str]:
    """One pool in words, a line each."""
    pool = row.pool
    lines = [
        f"{pool.trust} {pool.size}: {_filled(pool)}",
        f"  image {pool.image or 'not known yet'}",
        f"  template {pool.template or 'not made yet'}",
        f"  hits {_hits(row)}",
    ]
    return [*lines, f"  {pool.trouble}"] if pool.trouble else lines


def _filled(pool: PoolState) -> str:
    if not (pool.target or pool.ready or pool.starting):
        return "template only"
    starting = f", {pool.starting} starting" if pool.starting else ""
    return f"{pool.ready} of {pool.target}{starting}"


def _hits(row: PoolRow) -> str:
    """`9 of 10 (90 %)`: how many of the jobs of this kind found a machine ready."""
    hits, jobs = row.pool.hits, row.pool.hits + row.pool.misses
    return "no job yet" if row.hit_rate is None else f"{hits} of {jobs} ({row.hit_rate * 100:.0f} %)"


def _rate(pool: PoolState) -> float | None:
    jobs = pool.hits + pool.misses
    return round(pool.hits / jobs, 4) if jobs else None


def _state(pool: PoolState) -> str:
    if pool.trouble:
        return pool.trouble
    return f"image {pool.image[:SHORT_ID]}" if pool.template else "no template yet"


def _answering(beats: Mapping[HostId, Heartbeat]) -> str:
    return ", ".join(sorted(beats)) or "none"
