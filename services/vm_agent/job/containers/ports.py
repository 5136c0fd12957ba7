"""`ports` of a container: what is asked for, and where the engine has put them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from services.vm_agent.job.containers.refused import BadContainer

_RANGE = r"\d{1,5}(?:-\d{1,5})?"
_ADDRESS = r"(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9A-Fa-f:.]+\])"
_PORT = re.compile(rf"(?:(?:{_ADDRESS}:)?(?:{_RANGE})?:)?{_RANGE}(?:/(?:tcp|udp|sctp))?", re.IGNORECASE)
LAST_PORT = 65535


def read_port(text: str) -> str:
    """`80`, `80/udp`, `8080:80`, `127.0.0.1:8080:80`, ranges of them; as the engine takes it. Raises BadContainer."""
    port = text.strip()
    if not _PORT.fullmatch(port) or any(not 0 < number <= LAST_PORT for number in _numbers(port)):
        raise BadContainer(f"ports: '{text}' is none: [[address:]port:]port-in-the-container[/tcp|udp]")
    return port.lower()


def _numbers(port: str) -> list[int]:
    without_address = re.sub(rf"\A{_ADDRESS}:", "", port)
    return [int(number) for number in re.findall(r"\d+", without_address)]


def ports_context(bound: Mapping[str, object]) -> dict[str, str]:
    """`job.services.<id>.ports` from what the engine says of a container (`NetworkSettings.Ports`): the port in the
    container to that on the machine. Of a number for both tcp and udp the tcp one is meant."""
    ports: dict[str, str] = {}
    for inner in sorted(bound, key=lambda name: not name.endswith("/tcp")):
        number = inner.partition("/")[0]
        outer = _host_port(bound[inner])
        if outer:
            ports.setdefault(number, outer)
    return ports


def _host_port(bindings: object) -> str:
    """Of a port that is bound to several addresses the first."""
    try:
        bound = msgspec.convert(bindings, list[_Binding] | None, strict=False)
    except msgspec.ValidationError:
        return ""
    return str(bound[0].HostPort) if bound else ""


class _Binding(msgspec.Struct):
    HostPort: str | int = ""
