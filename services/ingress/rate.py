"""How often one source may knock: a token bucket an address, in a table of fixed size.

Pure: time arrives as a number. It protects the process from one loud neighbour; what a crowd of addresses sends is the
proxy's affair.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

MAX_SOURCES = 10_000
"""Some 2 MB. The source that was quiet for longest is forgotten first, which gives it a full bucket again."""
IPV6_PREFIX = 64
"""One customer's network: an address each would be a bucket each."""
MAX_HOPS = 32
"""Entries of `X-Forwarded-For` that are looked at; a chain of proxies is shorter."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


@dataclass(slots=True)
class Buckets:
    """`rate` requests a second in the long run, `burst` at once."""

    rate: float
    burst: int
    _sources: OrderedDict[str, _Bucket] = field(default_factory=OrderedDict[str, _Bucket])

    def take(self, source: str, now: float) -> float:
        """0.0 where the request may pass, else the seconds until one may."""
        bucket = self._sources.get(source)
        if bucket is None:
            self._sources[source] = _Bucket(self.burst - 1, now)
            if len(self._sources) > MAX_SOURCES:
                self._sources.popitem(last=False)
            return 0.0
        self._sources.move_to_end(source)
        bucket.tokens = min(float(self.burst), bucket.tokens + (now - bucket.at) * self.rate)
        bucket.at = now
        if bucket.tokens < 1:
            return (1 - bucket.tokens) / self.rate
        bucket.tokens -= 1
        return 0.0


def networks(proxies: Sequence[str]) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(proxy, strict=False) for proxy in proxies)


def source_of(peer: str, forwarded_for: str, proxies: Sequence[Network]) -> str:
    """Whose bucket: the peer, or, behind a trusted proxy, the last address that no trusted proxy has.

    Without trusted proxies the header is not believed: anybody can write one.
    """
    if not proxies or not _is_within(peer, proxies):
        return _bucket_name(peer)
    hops = [hop.strip() for hop in forwarded_for.split(",")[-MAX_HOPS:]]
    for hop in reversed(hops):
        if hop and not _is_within(hop, proxies):
            return _bucket_name(hop)
    return _bucket_name(peer)


def _is_within(address: str, proxies: Sequence[Network]) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in proxies)


def _bucket_name(address: str) -> str:
    """Plain text is a bucket too: a unix socket has no address."""
    if ":" not in address:
        return address[:64]
    try:
        return str(ipaddress.ip_network((address.partition("%")[0], IPV6_PREFIX), strict=False))
    except ValueError:
        return address[:64]
