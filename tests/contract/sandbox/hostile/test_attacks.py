"""A guest that lies ends its own sandbox, with a reason in words, and nothing else: not its neighbour, not its host.

The peer is a real process in the place of a machine's VMM; everything from the socket up is what the drivers use.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from services.vm_agent.sandbox.protocol import FileTrouble, Output, Sandbox, SandboxError, SandboxLost
from tests.contract.sandbox.hostile import peer
from tests.contract.sandbox.hostile.conftest import Attack, beside, ends
from tests.contract.sandbox.hostile.machine import HostileMachine

pytestmark = [pytest.mark.timeout(30), pytest.mark.asyncio(loop_scope="module")]
BUSY_SECONDS = 1.0

REASONS = {
    "no hello": "said nothing for 1 s",
    "hello a byte at a time": "said nothing for 1 s",
    "hello twice": "it said hello twice",
    "hello of another version": "`firebreak image build`",
    "an end at once": "ended with 3: kernel panic",
    "the random numbers of another": "it is a twin",
    "another boot id": "did not take the identity",
    "another host name": "did not take the identity",
    "a clock of 1970": "it does not obey",
    "an identity that does not end": "more than 4096 bytes",
    "output beyond the window": "sent more than it was granted",
    "output for ever, without reading": "it hangs",
    "single bytes for ever, without reading": "it hangs",
    "a length of four gigabytes": "a OUT of 4294967295 bytes",
    "an unknown type": "a frame of type 99",
    "output of a stream that is not open": "stream 77, which is not open",
    "a code of a thousand digits": "of many digits",
    "a frame a byte at a time": "it hangs",
    "silence after the start": "it hangs",
    "silence before the start": "it hangs",
    "silence within a header": "it hangs",
    "silence within a frame": "it hangs",
    "pongs and nothing else": "answers pings, but not the EXEC",
    "a closed channel": "its machine still runs",
    "a goodbye that nobody asked for": "said goodbye",
}
"""What is said of the rest names the lie as well; these are the ones that people are to understand."""


async def ignore(data: bytes) -> None:
    return


async def slowly(data: bytes) -> None:
    await asyncio.sleep(0.05)


async def attacked(machine: HostileMachine, output: Output) -> None:
    """Raises what it leads to."""
    command = await machine.exec(["true"], env={}, cwd="/", output=output)
    await command.wait()
    # It may have lied after its exit, when nobody listened for it any more.
    await lost(machine)


async def lost(machine: HostileMachine) -> None:
    while True:
        await machine.read_file("/x")


@pytest.mark.parametrize("attack", peer.START)
async def test_a_guest_that_lies_at_its_start_never_gets_a_job(honest: Sandbox, hostile: Attack, attack: str) -> None:
    machine = hostile(attack)
    if attack == "the random numbers of another":
        await hostile(attack).start()
    async with beside(honest):
        with pytest.raises(SandboxLost) as caught:
            await machine.start()
    assert REASONS.get(attack, "") in str(caught.value)
    await ends(machine)


@pytest.mark.parametrize("attack", peer.COMMAND)
async def test_a_guest_that_lies_about_a_command_is_lost_alone(honest: Sandbox, hostile: Attack, attack: str) -> None:
    machine = hostile(attack)
    await machine.start()
    async with beside(honest):
        with pytest.raises(SandboxLost) as caught:
            await attacked(machine, slowly if attack == "output beyond the window" else ignore)
    reason = str(caught.value)
    assert REASONS.get(attack, "is lost: ") in reason
    assert reason.isprintable()
    assert len(reason) < 500
    await ends(machine)


@pytest.mark.parametrize("attack", peer.BUSY)
async def test_endless_output_costs_the_host_no_memory_and_others_no_time(
    honest: Sandbox, hostile: Attack, attack: str
) -> None:
    machine = hostile(attack)
    await machine.start()
    taken = 0

    async def take(data: bytes) -> None:
        nonlocal taken
        taken += len(data)

    async with beside(honest):
        command = await machine.exec(["yes"], env={}, cwd="/", output=take)
        await asyncio.sleep(BUSY_SECONDS)
        assert taken > 10_000
        await machine.destroy()
        with pytest.raises(SandboxLost, match="it was destroyed"):
            await command.wait()
    await ends(machine)


async def test_output_that_nobody_takes_waits_in_the_guest(honest: Sandbox, hostile: Attack) -> None:
    machine = hostile("output for ever")
    await machine.start()
    blocked = asyncio.Event()

    async def never(data: bytes) -> None:
        await blocked.wait()

    async with beside(honest):
        command = await machine.exec(["yes"], env={}, cwd="/", output=never)
        waiting = asyncio.ensure_future(command.wait())
        await asyncio.sleep(BUSY_SECONDS)
        assert not waiting.done(), "a slow taker is no reason to end a command"
        waiting.cancel()
        await machine.destroy()
    blocked.set()
    await ends(machine)


async def test_a_file_longer_than_asked_for_is_refused(honest: Sandbox, hostile: Attack) -> None:
    machine = hostile("more than was asked for")
    await machine.start()
    async with beside(honest):
        with pytest.raises(FileTrouble, match="more than 10 bytes"):
            await machine.read_file("/x", 10)
    await machine.destroy()


async def test_a_guests_words_are_printable(honest: Sandbox, hostile: Attack) -> None:
    """Neither a terminal nor a log's reader is commanded by them."""
    machine = hostile("an error of its own")
    await machine.start()
    async with beside(honest):
        with pytest.raises(SandboxError) as caught:
            await machine.read_file("/x", 10)
    assert str(caught.value).isprintable()
    await machine.destroy()


@pytest.mark.parametrize(
    "attack",
    ["an end of another kind", "output for a file", "a grant for what is read", "data after the end"],
)
async def test_a_guest_that_lies_about_a_file_is_lost_alone(honest: Sandbox, hostile: Attack, attack: str) -> None:
    machine = hostile(attack)
    await machine.start()
    async with beside(honest):
        with pytest.raises(SandboxLost, match="broke the protocol"):
            await lost(machine)
    await ends(machine)


@pytest.mark.parametrize("attack", ["grants beyond what it was sent", "data for what it is given"])
async def test_a_guest_that_lies_about_what_it_is_given_is_lost_alone(
    honest: Sandbox, hostile: Attack, attack: str
) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(65536)

    machine = hostile(attack)
    await machine.start()
    async with beside(honest):
        with pytest.raises(SandboxLost, match="broke the protocol"):
            await machine.put(endless(), "/x")
    await ends(machine)


async def test_an_archive_that_goes_on_after_its_end_was_asked_for_is_a_loss(honest: Sandbox, hostile: Attack) -> None:
    machine = hostile("an archive for ever")
    await machine.start()
    taken = 0
    async with beside(honest):
        coming = machine.get("/x")
        async for piece in coming:
            taken += len(piece)
            if taken > 8 * 1024**2:
                break
        await coming.aclose()  # type: ignore[attr-defined]
        with pytest.raises(SandboxLost, match="told to end its GET, and went on"):
            await machine.read_file("/x")
    await ends(machine)
