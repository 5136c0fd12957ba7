"""Where a repository may be fetched from: a clone URL comes from outside and must not become a way inside.

Only https and ssh, only to configured hosts, never to an address of a private network, never with credentials in it.
`private` lifts some of this for a machine of one's own: paths, `file://`, http and private addresses; never `ext::`.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

import msgspec

RESOLVE_SECONDS = 5.0
MAX_URL = 1024
DEFAULT_PORTS = {"https": 443, "ssh": 22, "http": 80}
_unprintable = re.compile(r"[\x00-\x20\x7f]")
_helper = re.compile(r"[^/]*::")
"""`ext::sh -c ...`: a remote helper of git's, any program."""
_scp = re.compile(r"(?P<user>[A-Za-z0-9_-]+)@(?P<host>[A-Za-z0-9.-]+):(?P<path>[^/:].*)\Z")
_host = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?\Z")
_user = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,31}\Z")
_path = re.compile(r"/[^\x00-\x20\x7f]+\Z")


class UrlRefused(Exception):
    """Why nothing is fetched from there, and which setting would allow it."""


class CloneUrl(msgspec.Struct, frozen=True):
    """A URL that may be fetched. `host` is '' for a path of this machine, `pinned` what its name stood for."""

    url: str
    protocol: str
    host: str = ""
    port: int = 0
    pinned: tuple[str, ...] = ()


class ClonePolicy(msgspec.Struct, frozen=True):
    """`hosts` are names, or `name:port` where it is not the protocol's own."""

    hosts: tuple[str, ...]
    private: bool = False

    async def allowed(self, url: str) -> CloneUrl:
        """The URL with its name resolved and every address checked. Raises UrlRefused."""
        parsed = self.parsed(url)
        if not parsed.host:
            return parsed
        addresses = await _resolved(parsed.host, parsed.port)
        self.check_addresses(parsed.host, addresses)
        return CloneUrl(parsed.url, parsed.protocol, parsed.host, parsed.port, addresses)

    def parsed(self, url: str) -> CloneUrl:
        """What can be said without asking a name server. Raises UrlRefused."""
        if not url:
            raise UrlRefused("no clone URL is known for the repository: put a clone at REPOSITORY_PATH/owner/name")
        if len(url) > MAX_URL or _unprintable.search(url) or url.startswith("-") or _helper.match(url):
            raise UrlRefused(f"{url[:100]!r} is no URL that git may be given")
        if self.private and url.startswith("/"):
            return CloneUrl(url, "file")
        scp = _scp.match(url)
        return self._scp(url, scp) if scp is not None else self._url(url)

    def _scp(self, url: str, scp: re.Match[str]) -> CloneUrl:
        self._check_host(scp["host"], 22, "ssh")
        return CloneUrl(url, "ssh", scp["host"], 22)

    def _url(self, url: str) -> CloneUrl:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise UrlRefused(f"{url[:100]!r} is no URL") from None
        if parts.scheme == "file" and self.private and not parts.netloc and _path.match(parts.path):
            return CloneUrl(url, "file")
        if parts.scheme not in (("https", "ssh", "http") if self.private else ("https", "ssh")):
            raise UrlRefused(
                f"a repository is fetched by https or ssh, not from {parts.scheme or 'a path'!r}"
                " (FIREBREAK_ALLOW_PRIVATE_CLONES=true allows this machine's own paths)"
            )
        self._check_user(parts.scheme, parts.username, parts.password)
        host = parts.hostname or ""
        if not _path.match(parts.path) or parts.query or parts.fragment:
            raise UrlRefused("a clone URL has a path, no query and no fragment")
        wanted = port or DEFAULT_PORTS[parts.scheme]
        self._check_host(host, wanted, parts.scheme)
        return CloneUrl(url, parts.scheme, host, wanted)

    def _check_user(self, scheme: str, user: str | None, password: str | None) -> None:
        if password is not None or (user is not None and (scheme != "ssh" or not _user.match(user))):
            raise UrlRefused("a clone URL must not hold credentials: GITHUB_TOKEN is used for github.com")

    def _check_host(self, host: str, port: int, scheme: str) -> None:
        known = {name.lower() for name in self.hosts}
        name = host.lower()
        if f"{name}:{port}" in known or (name in known and port == DEFAULT_PORTS[scheme]):
            return
        if self.private and (name == "localhost" or _is_private(name)):
            return
        if not _host.match(host):
            raise UrlRefused(f"{host[:100]!r} is no host name")
        shown = host if port == DEFAULT_PORTS[scheme] else f"{host}:{port}"
        raise UrlRefused(
            f"{shown} is not among the hosts to fetch from: add it to FIREBREAK_CLONE_HOSTS if it should be"
        )

    def check_addresses(self, host: str, addresses: Iterable[str]) -> None:
        """One private address among many is enough: git would pick one of them. Raises UrlRefused."""
        for address in addresses:
            if not self.private and not _is_public(address):
                raise UrlRefused(
                    f"{host} is at {address}, which is no public address: FIREBREAK_ALLOW_PRIVATE_CLONES=true allows it"
                )


async def _resolved(host: str, port: int) -> tuple[str, ...]:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(RESOLVE_SECONDS):
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except TimeoutError:
        raise UrlRefused(f"{host}: the name server did not answer within {RESOLVE_SECONDS:.0f} s") from None
    except OSError as error:
        raise UrlRefused(f"{host} has no address ({error.strerror or error})") from None
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


def _is_public(address: str) -> bool:
    """Global unicast only; an IPv4 address inside an IPv6 one is looked at as what it is."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    inner = _embedded(parsed)
    return parsed.is_global and not parsed.is_multicast and (inner is None or inner.is_global)


def _embedded(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in ipaddress.ip_network("64:ff9b::/96"):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None)


def _is_private(name: str) -> bool:
    try:
        return not ipaddress.ip_address(name).is_global
    except ValueError:
        return False
