"""What `firebreak pool` shows of the hosts' heartbeats."""

from __future__ import annotations

import msgspec

from libs.contracts.host import Heartbeat, PoolState
from libs.contracts.ids import BootId, HostId
from libs.contracts.size import Size
from services.cli.commands.pool import described, pool_rows

POOL = PoolState("abc123", Size(2, 4096), "own", target=2, ready=1, starting=1, hits=9, misses=1, template="key")


def beat(host: str, *pools: PoolState) -> Heartbeat:
    return Heartbeat(HostId(host), BootId("b"), 2, 2, pools=pools)


def test_pools_are_listed_by_host_with_their_hit_rate() -> None:
    unused = msgspec.structs.replace(POOL, trust="fork", hits=0, misses=0)
    rows = pool_rows({HostId("b"): beat("b", POOL, unused), HostId("a"): beat("a")})
    assert [(row.host, row.pool.trust, row.hit_rate) for row in rows] == [("b", "own", 0.9), ("b", "fork", None)]


def test_one_pool_in_words() -> None:
    (row,) = pool_rows({HostId("b"): beat("b", POOL)})
    assert described(row) == [
        "own 2cpu-4gb: 1 of 2, 1 starting",
        "  image abc123",
        "  template key",
        "  hits 9 of 10 (90 %)",
    ]


def test_what_keeps_a_pool_empty_is_said() -> None:
    broken = PoolState("", Size(1, 2048), "own", target=1, ready=0, trouble="no template: no image")
    (row,) = pool_rows({HostId("b"): beat("b", broken)})
    assert described(row) == [
        "own 1cpu-2gb: 0 of 1",
        "  image not known yet",
        "  template not made yet",
        "  hits no job yet",
        "  no template: no image",
    ]
