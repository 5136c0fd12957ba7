"""Our requests to the real Firecracker 1.12.1, with and without its jailer: boot, save, load, and its refusals."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from libs.contracts.size import Size
from services.vm_agent.sandbox import namespaces
from services.vm_agent.sandbox.firecracker import jailer, requests
from services.vm_agent.sandbox.firecracker.api import Api, Fault
from services.vm_agent.sandbox.firecracker.jailer import Jail
from services.vm_agent.sandbox.firecracker.requests import API_SOCKET, MEMORY, STATE, Machine, Request
from services.vm_agent.sandbox.network.namespace import Networks, obstacle
from tests.contract.sandbox.firecracker.stub_kernel import counting, printing
from tests.programs import firecracker

SIZE = Size(1, 128)
VERSION = (1, 12)
SECONDS = 20.0


@dataclass
class Running:
    """`root` is what Firecracker sees as `/`, or where it was started."""

    process: subprocess.Popen[bytes]
    root: Path
    api: Api
    console: Path

    async def printed(self, wanted: Callable[[str], bool]) -> str:
        async with asyncio.timeout(SECONDS):
            while not wanted(text := self.console.read_text(errors="replace")):
                await asyncio.sleep(0.01)
        return text

    async def ended(self) -> int:
        return await asyncio.wait_for(asyncio.to_thread(self.process.wait), SECONDS)


@pytest.fixture(params=["alone", "jailed"])
def jailed(request: pytest.FixtureRequest) -> bool:
    if request.param == "jailed" and os.geteuid() != 0:
        pytest.skip("the jailer needs root")
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        pytest.skip("/dev/kvm cannot be opened here: Firecracker starts nothing without it")
    return request.param == "jailed"


def files(folder: Path, kernel: bytes) -> dict[str, Path]:
    made = {name: folder / name for name in (requests.KERNEL, requests.INITRD, requests.ROOT)}
    made[requests.KERNEL].write_bytes(kernel)
    made[requests.INITRD].write_bytes(b"\0" * 4096)
    made[requests.ROOT].write_bytes(b"\0" * 65536)
    return made


@asynccontextmanager
async def started(folder: Path, jailed: bool, linked: dict[str, Path], namespace: str = "") -> AsyncGenerator[Running]:
    """A Firecracker with these files and a work disk, as the driver furnishes it."""
    folder.mkdir()
    work = folder / "disk"
    with work.open("wb") as file:
        file.truncate(1024**2)
    console = folder / "console"
    program = firecracker("firecracker")
    root, uid = folder / "root", None
    command, cwd = [program, "--api-sock", API_SOCKET], str(root)
    if jailed:
        jail = Jail(firecracker("jailer"), program, "jail-1", 23456, str(folder), namespace)
        root, uid, command, cwd = jail.root, jail.uid, jailer.command(jail), "/"
    jailer.furnish(root, uid, {name: str(path) for name, path in linked.items()}, {requests.WORK: str(work)})
    with console.open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=cwd)
    api = Api(root / API_SOCKET)
    try:
        await api.connect()
        yield Running(process, root, api, console)
    finally:
        api.close()
        process.kill()
        process.wait()


def machine(jailed: bool, *, network: bool = False) -> Machine:
    return Machine(SIZE, network, prefix="/" if jailed else "")


async def test_our_boot_sequence_boots_and_the_guests_end_is_the_machines(tmp_path: Path, jailed: bool) -> None:
    async with started(tmp_path / "one", jailed, files(tmp_path, printing("hello from a kernel"))) as it:
        await it.api.send(requests.boot(machine(jailed)))
        assert "hello from a kernel" in await it.printed(lambda text: "kernel" in text)
        assert await it.ended() == 0


async def test_what_was_saved_goes_on_in_two_others(tmp_path: Path, jailed: bool) -> None:
    linked = files(tmp_path, counting("begun"))
    async with started(tmp_path / "template", jailed, linked) as it:
        await it.api.send(requests.boot(machine(jailed)))
        await it.printed(lambda text: text.partition("begun")[2].count(".") >= 3)
        await it.api.send(requests.save(machine(jailed)))
        for name in (STATE, MEMORY):
            os.link(it.root / name, tmp_path / name)
    assert (tmp_path / MEMORY).stat().st_size == SIZE.memory_mib * 1024**2
    for name in (STATE, MEMORY):
        os.chmod(tmp_path / name, 0o444)
    saved = {**linked, STATE: tmp_path / STATE, MEMORY: tmp_path / MEMORY}
    for clone in ("first", "second"):
        async with started(tmp_path / clone, jailed, saved) as it:
            await it.api.send(requests.restore(machine(jailed), VERSION))
            printed = await it.printed(lambda text: text.count(".") >= 3)
            assert "begun" not in printed, "it did not go on, it began again"


@pytest.mark.parametrize("jailed", ["jailed"], indirect=True)
async def test_a_machine_with_a_network_takes_the_tap_of_its_namespace(tmp_path: Path, jailed: bool) -> None:
    if (why := obstacle()) is not None:
        pytest.skip(why)
    name = f"firebreak.test.{os.getpid()}"
    Networks(()).make(name, "fork", 23456)
    try:
        async with started(tmp_path / "one", jailed, files(tmp_path, printing("up")), namespace=name) as it:
            await it.api.send(requests.boot(machine(jailed, network=True)))
            await it.printed(lambda text: "up" in text)
            assert await it.ended() == 0
    finally:
        namespaces.remove(name)


@pytest.mark.parametrize(
    ("refused", "why"),
    [
        (Request("PUT", "/entropy", {"nope": 1}), "unknown field `nope`"),
        (Request("PUT", "/machine-config", {"vcpu_count": 64, "mem_size_mib": 128}), "vCPU"),
        (Request("PUT", "/boot-source", {"kernel_image_path": "nowhere"}), "cannot be opened"),
        (Request("PATCH", "/vm", {"state": "Paused"}), "not supported before starting the microVM"),
        (Request("PUT", "/drives/a", {"drive_id": "b", "path_on_host": "initrd", "is_root_device": False}), "id"),
    ],
)
async def test_a_refusal_is_an_error_with_firecrackers_own_words(tmp_path: Path, refused: Request, why: str) -> None:
    async with started(tmp_path / "one", False, files(tmp_path, printing("x"))) as it:
        with pytest.raises(Fault, match=why):
            await it.api.ask(refused)


async def test_a_state_that_is_damaged_ends_the_process(tmp_path: Path) -> None:
    linked = files(tmp_path, printing("x"))
    (tmp_path / STATE).write_bytes(b"nonsense" * 100)
    (tmp_path / MEMORY).write_bytes(b"\0" * 4096)
    saved = {**linked, STATE: tmp_path / STATE, MEMORY: tmp_path / MEMORY}
    async with started(tmp_path / "one", False, saved) as it:
        with pytest.raises(Fault, match="snapshot"):
            await it.api.send(requests.restore(machine(False), VERSION))
        assert await it.ended() == 1
