"""Makes a machine's network: a namespace, a tap for its VMM, a link to the host, and the rules on both sides.

    guest 172.16.0.2 -- tap0 172.16.0.1 [namespace] uplink 198.18.x.2 -- fbv... 198.18.x.1 [host] -- outside

It needs root, or the rights CAP_NET_ADMIN and CAP_SYS_ADMIN. Forwarding is switched on for the links and the host's way
out, not for the host as a whole. Blocking: it runs `ip` and `nft`.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import functools
import hashlib
import ipaddress
import os
import shutil
import subprocess
from collections.abc import Callable, Generator
from pathlib import Path

from libs.contracts.plan import Trust
from services.vm_agent.sandbox import namespaces
from services.vm_agent.sandbox.network import host, policy
from services.vm_agent.sandbox.network.policy import BITS, GATEWAY, GATEWAY_MAC, TAP, UPLINK, Place, Policy, parse_place
from services.vm_agent.sandbox.protocol import SandboxLost

COMMAND_SECONDS = 20.0
CLONE_NEWNET = 0x40000000
LOCK = "/run/lock/firebreak-network"
"""Addresses are given out by one agent of this host at a time."""
WRITTEN = "/run/firebreak-network"
"""Says which rules stand on the host now."""
SUBNETS = 2 ** (30 - host.RANGE.prefixlen)
TRIES = 64
PROGRAMS = {"ip": "iproute2", "nft": "nftables"}
_ENVIRONMENT = {"PATH": "/usr/sbin:/sbin:/usr/bin:/bin", "LC_ALL": "C"}


class CannotMake(SandboxLost):
    """A network could not be made; the message says which step, and what the kernel or the program said."""


class Networks:
    """`allow` are the operator's places, for the own repositories' jobs alone."""

    def __init__(self, allow: tuple[str, ...], resolvers: Path = Path("/etc/resolv.conf")) -> None:
        self._allow: tuple[Place, ...] = tuple(map(parse_place, allow))
        self._resolver = first_resolver(resolvers.read_text() if resolvers.exists() else "")

    def policy_for(self, trust: Trust, host_end: ipaddress.IPv4Address) -> Policy:
        """A resolver on the host's loopback is asked through the host's end of the link."""
        resolver = self._resolver
        if resolver is not None and resolver.is_loopback:
            resolver = host_end
        return Policy(allow=self._allow if trust == "own" else (), resolver=resolver)

    def make(self, name: str, trust: Trust, uid: int | None) -> None:
        """A namespace of this name; `uid` may open its tap. Raises CannotMake, having removed what was made."""
        try:
            with _one_at_a_time():
                inner, outer = self._link(name)
            self._inside(name, trust, uid, inner, outer)
        except BaseException:
            with contextlib.suppress(OSError):
                namespaces.remove(name)
            raise

    def _link(self, name: str) -> tuple[ipaddress.IPv4Address, ipaddress.IPv4Address]:
        """The namespace and the link to it; its two addresses, the namespace's and the host's."""
        subnet = _free_subnet(name)
        outer, inner = subnet.network_address + 1, subnet.network_address + 2
        link = namespaces.link_of(name)
        _run(
            ["ip", "-batch", "-"],
            f"netns add {name}\n"
            f"link add {link} type veth peer name {UPLINK} netns {name}\n"
            f"address add {outer}/{BITS} dev {link}\n"
            f"link set {link} up\n",
        )
        self._host_rules()
        for device in {link, *_ways_out()}:
            _set(f"net/ipv4/conf/{device}/forwarding", "1")
        if self._resolver is not None and self._resolver.is_loopback:
            _set(f"net/ipv4/conf/{link}/route_localnet", "1")
        return inner, outer

    def _inside(
        self,
        name: str,
        trust: Trust,
        uid: int | None,
        inner: ipaddress.IPv4Address,
        outer: ipaddress.IPv4Address,
    ) -> None:
        owner = "" if uid is None else f" user {uid} group {uid}"
        _run(
            ["ip", "-n", name, "-batch", "-"],
            "link set lo up\n"
            f"tuntap add dev {TAP} mode tap{owner}\n"
            f"link set dev {TAP} address {GATEWAY_MAC}\n"
            f"address add {GATEWAY}/{BITS} dev {TAP}\n"
            f"link set {TAP} up\n"
            f"address add {inner}/{BITS} dev {UPLINK}\n"
            f"link set {UPLINK} up\n"
            f"route add default via {outer}\n",
        )
        switches = "; ".join(
            f"echo {value} > /proc/sys/net/{switch}"
            for switch, value in (("ipv4/ip_forward", 1), ("ipv6/conf/all/disable_ipv6", 1))
            if os.path.exists(f"/proc/sys/net/{switch}")
        )
        rules = policy.rules(self.policy_for(trust, outer))
        _run(["ip", "netns", "exec", name, "sh", "-c", f"set -e; {switches}; exec nft -f -"], rules)

    def _host_rules(self) -> None:
        """Written once, and again where they are missing or an older version's."""
        resolver = self._resolver if self._resolver is not None and self._resolver.is_loopback else None
        text = host.rules(resolver)
        digest = hashlib.sha256(text.encode()).hexdigest()
        written = Path(WRITTEN)
        known = written.read_text() if written.exists() else ""
        if known != digest or not _succeeds(["nft", "list", "table", "inet", host.TABLE]):
            _run(["nft", "-f", "-"], text)
            written.write_text(digest)


def obstacle() -> str | None:
    """Why no network can be made on this host, in words, with what to do; None where it can. Tries it."""
    missing = [
        package for program, package in PROGRAMS.items() if shutil.which(program, path=_ENVIRONMENT["PATH"]) is None
    ]
    if missing:
        return f"machines get no network: install {', '.join(missing)}"
    if not os.path.exists("/dev/net/tun"):
        return "machines get no network: /dev/net/tun is missing (modprobe tun)"
    return _obstacle_by_trying()


@functools.cache
def _obstacle_by_trying() -> str | None:
    name = f"firebreak.probe.{os.getpid()}"
    try:
        Networks(()).make(name, "fork", None)
    except (SandboxLost, OSError) as error:
        return f"machines get no network: {error}. Making one needs root, or CAP_NET_ADMIN and CAP_SYS_ADMIN"
    namespaces.remove(name)
    return None


def entering(name: str) -> tuple[int, Callable[[], None]]:
    """An open descriptor of the namespace, for the caller to close, and what a child calls before it becomes a program
    in it. Raises CannotMake."""
    try:
        descriptor = os.open(f"{namespaces.FOLDER}/{name}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise CannotMake(f"the network namespace {name} is gone: {error.strerror}") from None
    setns = ctypes.CDLL(None, use_errno=True).setns

    def enter() -> None:
        if setns(descriptor, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")

    return descriptor, enter


def first_resolver(text: str) -> ipaddress.IPv4Address | None:
    """Of resolv.conf: the first that has an IPv4 address."""
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 2 and words[0] == "nameserver":
            with contextlib.suppress(ValueError):
                return ipaddress.IPv4Address(words[1])
    return None


def _free_subnet(name: str) -> ipaddress.IPv4Network:
    """One that no link of this host has; begins at a place that follows from the name."""
    taken = _run(["ip", "-4", "-oneline", "address", "show"])
    begin = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
    for turn in range(TRIES):
        number = (begin + turn * 7919) % SUBNETS
        subnet = ipaddress.IPv4Network((int(host.RANGE.network_address) + 4 * number, BITS))
        if f" {subnet.network_address + 1}/" not in taken:
            return subnet
    raise CannotMake(f"no free addresses in {host.RANGE} after {TRIES} tries: too many machines on this host")


def _ways_out() -> list[str]:
    """The devices of the default routes."""
    with contextlib.suppress(OSError):
        lines = Path("/proc/net/route").read_text().splitlines()[1:]
        return sorted({line.split()[0] for line in lines if line.split()[1] == "00000000"})
    return []


@contextlib.contextmanager
def _one_at_a_time() -> Generator[None]:
    os.makedirs(os.path.dirname(LOCK), exist_ok=True)
    with open(LOCK, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _set(switch: str, value: str) -> None:
    try:
        Path("/proc/sys", switch).write_text(value)
    except OSError as error:
        raise CannotMake(f"/proc/sys/{switch} cannot be set: {error.strerror}") from None


def _succeeds(command: list[str]) -> bool:
    with contextlib.suppress(CannotMake):
        _run(command)
        return True
    return False


def _run(command: list[str], text: str = "") -> str:
    try:
        done = subprocess.run(
            command, input=text.encode(), capture_output=True, timeout=COMMAND_SECONDS, check=False, env=_ENVIRONMENT
        )
    except FileNotFoundError:
        raise CannotMake(f"`{command[0]}` is missing: install {PROGRAMS.get(command[0], command[0])}") from None
    except subprocess.TimeoutExpired:
        raise CannotMake(f"`{' '.join(command)}` took longer than {COMMAND_SECONDS:g} s") from None
    if done.returncode != 0:
        raise CannotMake(f"`{' '.join(command[:5])}`: {done.stderr.decode(errors='replace').strip()[:500]}")
    return done.stdout.decode(errors="replace")
