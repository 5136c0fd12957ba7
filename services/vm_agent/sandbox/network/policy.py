"""What a machine may reach, as rules for nftables: a function of values, so that it can be read and compared.

A job reaches the public internet and what the operator allows; nothing private, no metadata service, no other machine,
no service of the host but its resolver, nothing over IPv6. Rules are made of parsed addresses and numbers alone: no
text of a setting reaches nftables.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

import msgspec

TAP, UPLINK = "tap0", "uplink"
"""The devices of a namespace: to the guest, and to the host."""
GUEST, GATEWAY, BITS = "172.16.0.2", "172.16.0.1", 30
"""The same in each namespace, so that a machine's network is not part of what it was saved with."""
GATEWAY_MAC = "06:00:ac:10:00:01"
"""Constant, for a guest that was restored remembers it."""
CONNECTIONS = 4096
"""At once, of one machine; an installation of a thousand packages opens some hundreds."""
DENIED = (
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
)
"""Private, link-local (the metadata service of clouds), shared, reserved and multicast ranges: IANA's special-purpose
registry (RFC 6890)."""
REFUSED_TCP = (25, 853)
"""Mail, for which strangers' code would be welcome; names by TLS, which pass by the resolver."""
REFUSED_UDP = (443, 853)
REFUSE = "counter reject with icmp type admin-prohibited"
"""At once and with a reason: what is dropped costs a job its time limit."""


class Place(msgspec.Struct, frozen=True):
    """A network, and one port of it or all."""

    network: ipaddress.IPv4Network
    port: int | None = None


class Policy(msgspec.Struct, frozen=True):
    """`resolver` is where the gateway's port 53 leads; None where names are not resolved."""

    allow: tuple[Place, ...] = ()
    resolver: ipaddress.IPv4Address | None = None
    public: bool = True


def parse_place(text: str) -> Place:
    """`address[/bits][:port]`. Raises ValueError."""
    network, colon, port = text.partition(":")
    number = int(port) if colon else None
    if number is not None and not 1 <= number <= 65535:
        raise ValueError(f"{text!r}: the port is 1 to 65535")
    return Place(ipaddress.IPv4Network(network, strict=False), number)


def rules(policy: Policy) -> str:
    """Of a machine's namespace, for `nft -f`."""
    return f"""table inet firebreak {{
  chain passing {{
    type filter hook forward priority filter; policy drop;
    meta nfproto ipv6 counter drop
    iifname "{TAP}" ip saddr != {GUEST} counter drop comment "not the guest's address"
    ct state established,related accept
    iifname != "{TAP}" counter drop
    ct count over {CONNECTIONS} {REFUSE}
{_lines(_resolving(policy))}{_lines(map(_allowing, policy.allow))}    ip daddr {{ {", ".join(DENIED)} }} {REFUSE}
    tcp dport {{ {_numbers(REFUSED_TCP)} }} {REFUSE}
    udp dport {{ {_numbers(REFUSED_UDP)} }} {REFUSE}
    {"accept" if policy.public else REFUSE}
  }}
  chain arriving {{
    type filter hook input priority filter; policy drop;
    iifname "lo" accept
    iifname "{TAP}" ip saddr != {GUEST} counter drop
    ct state established,related accept
    ip daddr {GATEWAY} meta l4proto {{ tcp, udp }} {REFUSE}
  }}
  chain redirecting {{
    type nat hook prerouting priority dstnat; policy accept;
{_lines(_redirecting(policy))}  }}
  chain hiding {{
    type nat hook postrouting priority srcnat; policy accept;
    oifname "{UPLINK}" masquerade
  }}
}}
"""


def _resolving(policy: Policy) -> list[str]:
    """After the redirection; whoever asks another resolver is refused with the rest of what is private."""
    if policy.resolver is None:
        return []
    return [f"ct status dnat ip daddr {policy.resolver} {protocol} dport 53 accept" for protocol in ("udp", "tcp")]


def _redirecting(policy: Policy) -> list[str]:
    if policy.resolver is None:
        return []
    begin = f'iifname "{TAP}" ip daddr {GATEWAY}'
    return [f"{begin} {protocol} dport 53 dnat ip to {policy.resolver}:53" for protocol in ("udp", "tcp")]


def _allowing(place: Place) -> str:
    if place.port is None:
        return f"ip daddr {place.network} accept"
    return f"ip daddr {place.network} meta l4proto {{ tcp, udp }} th dport {place.port} accept"


def _numbers(values: Iterable[int]) -> str:
    return ", ".join(map(str, values))


def _lines(statements: Iterable[str]) -> str:
    return "".join(f"    {statement}\n" for statement in statements)
