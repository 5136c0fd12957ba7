"""Which names of a server are believed: a name that somebody else's DNS points at this address is not one of them.

Otherwise a web site could have its own name lead here, and read what this server answers to whoever is on this machine
(DNS rebinding). It knows nothing of what is answered.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from libs.settings import Settings


def names_of(settings: Settings) -> frozenset[str]:
    public = urlsplit(settings.public_url).hostname or ""
    return frozenset({public.lower(), settings.host.lower()} - {""})


def is_ours(host: str, names: frozenset[str]) -> bool:
    """Whether a `Host` header may be this server's: an address, a name without a dot (no public DNS has those), or one
    of `names`. A request without the header is no browser's.
    """
    name = _without_port(host).lower().rstrip(".")
    return "." not in name or name in names or name.endswith(".localhost") or _is_address(name)


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
