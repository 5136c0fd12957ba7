"""The requests of the management API, and what their answers must hold. Pure: bytes and numbers, no I/O.

Answers are a stranger's word: what is missing or of another kind is an error, never a default that looks like success.
"""

from __future__ import annotations

import re
from typing import TypeVar
from urllib.parse import quote

import msgspec

from services.vm_agent.sandbox.protocol import SandboxError

_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
READY = frozenset({"running", "ready"})
COMING = frozenset({"creating", "pending", "starting", "booting", "provisioning"})
AGENT = "firebreak"

_Answer = TypeVar("_Answer")


class Request(msgspec.Struct, frozen=True):
    """`seconds` is how long the client waits for the answer."""

    method: str
    path: str
    seconds: float
    body: dict[str, object] | None = None


class Machine(msgspec.Struct, frozen=True):
    id: str
    status: str = ""
    name: str = ""


class Usage(msgspec.Struct, frozen=True):
    at_capacity: bool = False
    current_vms: int | None = None
    max_vms: int | None = None


class Machines(msgspec.Struct, frozen=True):
    vms: list[Machine]
    usage: Usage = Usage()


class Executed(msgspec.Struct, frozen=True):
    """`exit_code` has no default: an answer without one is an error."""

    exit_code: int
    stdout: str = ""
    stderr: str = ""
    error: str | None = None


class Kept(msgspec.Struct, frozen=True):
    snapshot_id: str


class Health(msgspec.Struct, frozen=True):
    status: str


class BadAnswer(SandboxError):
    """The API answered something that its contract does not allow."""


CALL_SECONDS = 30.0
"""For what the API answers from its memory, and for making a machine, which it only begins."""
SNAPSHOT_SECONDS = 300.0
"""A machine of 4 GiB is written to a disk, or read from it, before the answer comes."""
AFTER_SECONDS = 15.0
"""So much longer than a command's own time the client waits: the API must be the one that ends it."""


def health() -> Request:
    return Request("GET", "/health", CALL_SECONDS)


def allocate(kind: str, name: str) -> Request:
    return Request("POST", "/api/vms", CALL_SECONDS, {"vm_type": kind, "name": name})


def listing() -> Request:
    return Request("GET", "/api/vms", CALL_SECONDS)


def look(vm: str) -> Request:
    return Request("GET", f"/api/vms/{quote(vm, safe='')}", CALL_SECONDS)


def execute(vm: str, code: str, seconds: int) -> Request:
    """One document of the API has `timeout_seconds`, the other `timeout_ms`: each gets its own. The working directory
    goes into the code as well, since not every server heeds the field."""
    body: dict[str, object] = {
        "agent_id": AGENT,
        "language": "bash",
        "code": f"cd / && {code}",
        "vm_id": vm,
        "timeout_seconds": seconds,
        "timeout_ms": seconds * 1000,
        "working_dir": "/",
    }
    return Request("POST", "/api/llm/execute", seconds + AFTER_SECONDS, body)


def keep(vm: str, name: str, description: str) -> Request:
    body: dict[str, object] = {"name": name, "description": description}
    return Request("POST", f"/api/vms/{quote(vm, safe='')}/snapshots", SNAPSHOT_SECONDS, body)


def roll_back(vm: str, snapshot: str) -> Request:
    return Request("POST", f"/api/vms/{quote(vm, safe='')}/rollback/{quote(snapshot, safe='')}", SNAPSHOT_SECONDS)


def release(vm: str) -> Request:
    return Request("DELETE", f"/api/vms/{quote(vm, safe='')}", CALL_SECONDS)


def read(body: bytes, kind: type[_Answer], request: Request) -> _Answer:
    """Raises BadAnswer."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as trouble:
        raise BadAnswer(f"the answer to {request.method} {request.path} is not what it must be: {trouble}") from None


def named(identifier: str, what: str) -> str:
    """An id that may stand in a path, a file and an error. Raises BadAnswer."""
    if not _ID.fullmatch(identifier):
        raise BadAnswer(f"the API gave {what} an id that is none")
    return identifier


def refusal(usage: Usage) -> str | None:
    """Why no machine is to be had now; None where there is room."""
    full = usage.max_vms is not None and usage.current_vms is not None and usage.current_vms >= usage.max_vms
    if not usage.at_capacity and not full:
        return None
    counted = "" if usage.max_vms is None else f": {usage.current_vms} of {usage.max_vms} machines are taken"
    return f"the API has no room for another machine{counted}; release some, or lower FIREBREAK_SLOTS"
