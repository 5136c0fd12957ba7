"""Makes a guest somebody of its own: clock, randomness, names, network, disk, in that order, before any job's code.

A restored guest is its template's twin to the last bit: the same random numbers would follow, the same machine-id and
boot id, and a clock that stands where it was saved. What it answers is proof that this was done, and is kept as a hash:
two machines with the same one were not told apart.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import time
import uuid
from typing import Annotated, NamedTuple, TypeVar

import msgspec

from services.vm_agent.sandbox.guest.channel import Channel, checked
from services.vm_agent.sandbox.guest.frames import TROUBLE_CHARACTERS, Kind
from services.vm_agent.sandbox.guest.stream import Stream
from services.vm_agent.sandbox.protocol import SandboxLost

ENTROPY_BYTES = 64
ANSWER_BYTES = 4096
CLOCK_OFF_NS = 10_000_000
"""A guest's clock may be so far from the host's; the bound that is promised is 100 ms."""
CLOCK_TRIES = 3
CLOCK_WRONG_NS = 100_000_000
"""A guest's clock that is surely further off, whatever part of the round trip the answer took, was not set."""
ANSWER_SECONDS = 60.0
"""For one question; a guest that was just restored on a busy machine takes a second."""
PROOFS = 10_000
"""So many are remembered by one driver; a machine is told apart from those that it can meet."""

_Answer = TypeVar("_Answer")
_RANDOM = re.compile("[0-9a-f]{32,128}")


class Proofs:
    """What the guests of one driver have drawn, as hashes: two that drew the same were not told apart."""

    def __init__(self) -> None:
        self._seen: dict[str, None] = {}

    def take(self, name: str, random: str) -> str:
        """The hash of what a guest says that it drew. Raises SandboxLost where it is nothing, or another's."""
        if not _RANDOM.fullmatch(random):
            raise SandboxLost(f"the guest of {name} did not show random numbers of 16 bytes or more")
        proof = hashlib.sha256(random.encode()).hexdigest()
        if proof in self._seen:
            raise SandboxLost(f"the guest of {name} drew random numbers that another one drew before it: it is a twin")
        self._seen[proof] = None
        if len(self._seen) > PROOFS:
            del self._seen[next(iter(self._seen))]
        return proof


class Network(msgspec.Struct, frozen=True):
    """The guest's own address with its bits, and who else is on its link."""

    address: str
    gateway: str
    resolver: str


class Proven(msgspec.Struct, frozen=True):
    boot_id: str
    proof: str
    """SHA-256 of random bytes that the guest's kernel drew, in hexadecimal digits."""


class _Identity(msgspec.Struct, frozen=True):
    random: str
    boot_id: str
    hostname: str
    machine_id: str


class _Time(msgspec.Struct, frozen=True):
    ns: Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


class _Reading(NamedTuple):
    """A guest's clock: how far ahead of the host's it is, and by how much that may be wrong."""

    off_ns: int
    unsure_ns: int


async def give(
    channel: Channel, name: str, proofs: Proofs, *, work_disk: bool, network: Network | None = None
) -> Proven:
    """`name` becomes the host name, as far as it may. Raises SandboxLost where it cannot be shown that the guest did as
    it was told."""
    await set_clock(channel)
    boot_id, machine_id, hostname = str(uuid.uuid4()), os.urandom(16).hex(), hostname_of(name)
    answer = await _ask(
        channel,
        Kind.IDENT,
        _Identity,
        entropy=os.urandom(ENTROPY_BYTES).hex(),
        hostname=hostname,
        machine_id=machine_id,
        boot_id=boot_id,
        network=network,
        work=work_disk,
    )
    given = (answer.boot_id, answer.machine_id, answer.hostname)
    if given != (boot_id, machine_id, hostname):
        raise SandboxLost(f"the guest of {name} did not take the identity that it was given")
    return Proven(boot_id=boot_id, proof=proofs.take(name, answer.random))


async def set_clock(channel: Channel) -> float:
    """The guest's clock to the host's; the milliseconds by which it is still off, half a round trip being unknown.

    Raises SandboxLost.
    """
    await _ask(channel, Kind.TIME, _Time, set=time.time_ns())
    for _ in range(CLOCK_TRIES):
        off, _ = await _read_clock(channel)
        if abs(off) <= CLOCK_OFF_NS:
            return off / 1e6
        await _ask(channel, Kind.TIME, _Time, adjust=-off)
    off, unsure = await _read_clock(channel)
    if abs(off) - unsure > CLOCK_WRONG_NS:
        raise SandboxLost(f"the guest's clock is {abs(off) / 1e9:.3g} s off, although it was set: it does not obey")
    return off / 1e6


async def clock_off_ns(channel: Channel) -> int:
    """By how much the guest's clock is ahead of the host's, as if it had been asked in the middle of the round trip."""
    return (await _read_clock(channel)).off_ns


async def _read_clock(channel: Channel) -> _Reading:
    asked = time.time_ns()
    answer = await _ask(channel, Kind.TIME, _Time)
    answered = time.time_ns()
    return _Reading(answer.ns - (asked + answered) // 2, (answered - asked) // 2)


def hostname_of(name: str) -> str:
    """Letters, digits and hyphens, 63 at most: what a host name may be."""
    plain = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name.lower())
    return plain[:63].strip("-") or "firebreak"


async def _ask(channel: Channel, kind: Kind, answer: type[_Answer], **request: object) -> _Answer:
    stream = channel.open(kind, request)
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            content = await _answer(stream, kind)
    except TimeoutError:
        raise SandboxLost(f"the guest did not answer {kind.name} within {ANSWER_SECONDS:g} s") from None
    try:
        return msgspec.json.decode(content, type=answer)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise SandboxLost(f"the guest answered {kind.name} with nonsense: {str(error)[:TROUBLE_CHARACTERS]}") from None


async def _answer(stream: Stream, kind: Kind) -> bytes:
    content = bytearray()
    while data := await stream.receive():
        content += data
        if len(content) > ANSWER_BYTES:
            raise SandboxLost(f"the guest answered {kind.name} with more than {ANSWER_BYTES} bytes")
    checked(await stream.acknowledged)
    return bytes(content)
