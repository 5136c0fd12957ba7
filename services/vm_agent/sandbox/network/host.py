"""The host's side of all machines' links: one table, for any number of agents. Pure.

It passes what comes from a machine on to the outside and answers back, nothing between machines, nothing to the host
itself but names, and nothing from outside to a machine.
"""

from __future__ import annotations

import ipaddress

from services.vm_agent.sandbox.namespaces import LINK_PREFIX

TABLE = "firebreak"
RANGE = ipaddress.IPv4Network("198.18.0.0/15")
"""Of the links between host and namespaces, two addresses of four each. It is set aside for benchmarks (RFC 2544), so
no network that a job may want has it."""


def rules(loopback_resolver: ipaddress.IPv4Address | None) -> str:
    """For `nft -f`; puts the table in the place of an earlier one. `loopback_resolver` is a resolver of the host that
    listens on its loopback only."""
    links = f'"{LINK_PREFIX}*"'
    names = redirect = ""
    if loopback_resolver is not None:
        names = f"    iifname {links} ct status dnat meta l4proto {{ tcp, udp }} th dport 53 accept\n"
        redirect = f"""  chain redirecting {{
    type nat hook prerouting priority dstnat; policy accept;
    iifname {links} fib daddr type local udp dport 53 dnat ip to {loopback_resolver}:53
    iifname {links} fib daddr type local tcp dport 53 dnat ip to {loopback_resolver}:53
  }}
"""
    return f"""table inet {TABLE}
delete table inet {TABLE}
table inet {TABLE} {{
  chain passing {{
    type filter hook forward priority filter - 5; policy accept;
    iifname {links} oifname {links} counter drop
    iifname {links} ip saddr != {RANGE} counter drop
    oifname {links} ct state established,related accept
    oifname {links} counter drop
  }}
  chain arriving {{
    type filter hook input priority filter - 5; policy accept;
    iifname {links} ct state established,related accept
{names}    iifname {links} counter drop
  }}
{redirect}  chain hiding {{
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr {RANGE} oifname != {links} masquerade
  }}
}}
"""
