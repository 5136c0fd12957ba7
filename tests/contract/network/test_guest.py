"""From inside a guest: what is allowed answers, what is not is refused at once, whoever the guest says that it is."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from libs.contracts.plan import Trust
from libs.contracts.size import Size
from services.vm_agent.sandbox.namespaces import link_of
from services.vm_agent.sandbox.network.namespace import obstacle
from services.vm_agent.sandbox.premises import Premises
from services.vm_agent.sandbox.protocol import Sandbox, SandboxId, SandboxSpec, Shape
from services.vm_agent.sandbox.qemu.driver import QemuDriver
from services.vm_agent.sandbox.run import run
from tests.contract.network.outside import METADATA, OTHER_PORT, PORT, PRIVATE, PUBLIC, outside
from tests.images import NAME, images_folder

SIZE, DISK = Size(1, 512), 1024**3
QUICK_SECONDS = 2
"""What is refused is refused at once; what is dropped would hang for minutes."""


@dataclass
class World:
    own: Sandbox
    fork: Sandbox


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    made = tmp_path_factory.mktemp("network")
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
async def world(folder: Path) -> AsyncGenerator[World]:
    """A machine of the own repositories and one of a fork, whose operator allows one private service to the first."""
    if (why := obstacle()) is not None:
        pytest.skip(why)
    driver = QemuDriver(Premises(folder, images_folder(), image=NAME, allow_networks=(f"{PRIVATE}:{PORT}",)))
    probe = await driver.probe()
    if not probe.works:
        pytest.skip(f"{probe.why}; `make vm`")
    machines: list[Sandbox] = []
    with outside():
        try:
            for trust in ("own", "fork"):
                await driver.prepare(Shape(SIZE, trust, True, DISK))
                machines.append(driver.create(spec(trust)))
                await machines[-1].start()
            yield World(*machines)
        finally:
            for machine in machines:
                await machine.destroy()


def spec(trust: Trust) -> SandboxSpec:
    return SandboxSpec(
        SandboxId(f"net-{os.urandom(4).hex()}"),
        memory_bytes=SIZE.memory_mib * 1024**2,
        cpus=1,
        disk_bytes=DISK,
        trust=trust,
    )


async def answers(machine: Sandbox, address: str, port: int = PORT) -> bool:
    """Whether a connection from inside is answered; a refusal has to come at once."""
    script = f"timeout 10 bash -c 'exec 3<>/dev/tcp/{address}/{port} && head -n 1 <&3'"
    began = asyncio.get_running_loop().time()
    _ended, output = await run(machine, ["bash", "-c", script])
    seconds = asyncio.get_running_loop().time() - began
    if b"hello" in output:
        return True
    assert seconds < QUICK_SECONDS + 2, f"{address}:{port} was not refused but dropped: {output.decode()}"
    return False


@pytest.mark.timeout(180)
async def test_what_is_allowed_answers_and_nothing_else_does(world: World) -> None:
    own, fork = world.own, world.fork
    assert await answers(own, PUBLIC)
    assert await answers(fork, PUBLIC)
    assert await answers(own, PRIVATE, PORT), "the operator allows it"
    assert not await answers(own, PRIVATE, OTHER_PORT), "another port of an allowed address"
    assert not await answers(fork, PRIVATE, PORT), "what is allowed is not for forks"
    assert not await answers(own, METADATA)
    assert not await answers(own, METADATA, 80)


@pytest.mark.timeout(180)
async def test_no_other_machine_no_host_no_ipv6_no_other_source(world: World) -> None:
    own, fork = world.own, world.fork
    uplink = await address_of(fork)
    host_end = await address_of_link(own)
    listener = await listen(fork)
    for address in (uplink, host_end, "11.22.33.2", "172.16.0.1"):
        assert not await answers_or_drops(own, address), f"{address} answered"
    await listener.signal(9)  # type: ignore[arg-type]
    ended, output = await run(own, ["bash", "-c", "cat /proc/net/if_inet6 | grep -v lo; ip -6 route show default"])
    assert "default" not in output.decode()
    # A guest that says that it is somebody else: nothing of it goes out.
    await run(own, ["sudo", "ip", "address", "add", "172.16.0.9/32", "dev", "eth0"])
    script = (
        "import socket; s = socket.socket(); s.settimeout(2); s.bind(('172.16.0.9', 0));"
        f"s.connect(('{PUBLIC}', {PORT})); print(s.recv(9))"
    )
    ended, output = await run(own, ["python3", "-c", script])
    assert ended.code != 0, output
    assert b"hello" not in output


async def answers_or_drops(machine: Sandbox, address: str) -> bool:
    script = f"timeout 2 bash -c 'exec 3<>/dev/tcp/{address}/{PORT} && echo hello'"
    _, output = await run(machine, ["bash", "-c", script])
    return b"hello" in output


async def address_of(machine: Sandbox) -> str:
    """Of its namespace's end of the link, where a careless host would lead to its guest."""
    command = ("ip", "-n", machine.footprint.namespace, "-4", "-o", "address", "show", "dev", "uplink")
    return await _address(*command)


async def address_of_link(machine: Sandbox) -> str:
    return await _address("ip", "-4", "-o", "address", "show", "dev", link_of(machine.footprint.namespace))


async def _address(*command: str) -> str:
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    return output.decode().split()[3].partition("/")[0]


async def listen(machine: Sandbox):  # type: ignore[no-untyped-def]
    async def forget(data: bytes) -> None:
        return

    script = f"import socket; s = socket.create_server(('0.0.0.0', {PORT})); print(s.accept())"
    return await machine.exec(["python3", "-c", script], env={}, cwd="/", output=forget)
