"""What only a machine of the management API has: its sequence of requests, its losses, its leftovers, its token."""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import pytest

from services.vm_agent.sandbox.fcctl import requests
from services.vm_agent.sandbox.fcctl.api import Api, ApiTrouble
from services.vm_agent.sandbox.fcctl.driver import FcctlDriver
from services.vm_agent.sandbox.fcctl.record import Records
from services.vm_agent.sandbox.fcctl.requests import Machines
from services.vm_agent.sandbox.fcctl.sandbox import FcctlSandbox
from services.vm_agent.sandbox.premises import Premises
from services.vm_agent.sandbox.protocol import SandboxError, SandboxId, SandboxLost, SnapshotId
from services.vm_agent.sandbox.run import run
from tests.contract.sandbox.conftest import new_spec, shell
from tests.fakes.fcctl.client import NEEDS_ROOT, QUICK, FakeServer, token
from tests.fakes.fcctl.losing import Losing

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason=NEEDS_ROOT)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeServer]:
    made = FakeServer(tmp_path_factory.mktemp("fcctl"))
    yield made
    made.end()


@pytest.fixture(autouse=True)
async def nothing_stays(server: FakeServer) -> AsyncIterator[None]:
    yield
    assert await standing(server) == []


async def standing(server: FakeServer) -> list[str]:
    listed = await Api(server.url, token(server.secret)).call(requests.listing(), Machines)
    return [machine.id for machine in listed.vms]


def driver_of(folder: Path, url: str, made: str) -> FcctlDriver:
    return FcctlDriver(Premises(folder, folder / "images", fcctl_url=url, fcctl_token=made), pace=QUICK)


@pytest.fixture
def driver(server: FakeServer, tmp_path: Path) -> FcctlDriver:
    return driver_of(tmp_path, server.url, token(server.secret))


@pytest.fixture
async def sandbox(driver: FcctlDriver) -> AsyncIterator[FcctlSandbox]:
    made = driver.create(new_spec())
    await made.start()
    yield made
    await made.destroy()


async def test_a_job_is_asked_for_waited_for_and_released_in_the_references_order(
    driver: FcctlDriver, server: FakeServer
) -> None:
    before = len(server.journal())
    sandbox = driver.create(new_spec())
    ready = await sandbox.start()
    assert await shell(sandbox, "exit 255") == (255, "")
    await sandbox.restore(await sandbox.snapshot())
    await sandbox.destroy()
    journal = server.journal()[before:]
    executed = [body for _, path, body in journal if path == "/api/llm/execute" and body is not None]
    (vm,) = {str(body["vm_id"]) for body in executed}
    steps = [re.sub("snap-[0-9a-f]+", "SNAP", f"{method} {path}".replace(vm, "VM")) for method, path, _ in journal]
    # Polls are as many as it takes; the stream's calls come all the time.
    assert [step for step, _ in itertools.groupby(step for step in steps if not step.endswith("execute"))] == [
        "GET /api/vms",
        "POST /api/vms",
        "GET /api/vms/VM",
        "POST /api/vms/VM/snapshots",
        "POST /api/vms/VM/rollback/SNAP",
        "GET /api/vms/VM",
        "DELETE /api/vms/VM",
    ]
    assert [body for _, path, body in journal if path == "/api/vms" and body] == [
        {"vm_type": "focal-ci", "name": f"firebreak-{sandbox.id}"}
    ]
    assert "exec true" in str(executed[0]["code"])
    assert steps.index("POST /api/llm/execute") > steps.index("GET /api/vms/VM")
    assert {tuple(sorted(body)) for body in executed} == {
        ("agent_id", "code", "language", "timeout_ms", "timeout_seconds", "vm_id", "working_dir")
    }
    assert (ready.how, ready.image, str(ready.size)) == ("booted", "focal-ci", "2cpu-4gb")
    assert list(ready.phases_ms) == ["allocated", "running", "answered", "served"]
    assert len(ready.proof) == 64


async def test_no_request_holds_the_token_but_its_header(sandbox: FcctlSandbox, server: FakeServer) -> None:
    await shell(sandbox, "true")
    written = (server.folder / "journal").read_text()
    assert "eyJ" not in written
    assert "Bearer" not in repr(vars(sandbox)["_api"])


async def test_answers_that_are_lost_change_nothing(server: FakeServer, tmp_path: Path) -> None:
    way = Losing(server.url, every=0)
    sandbox = driver_of(tmp_path, way.url, token(server.secret)).create(new_spec())
    try:
        await sandbox.start()
        way.every = 3
        data = os.urandom(200_000)
        await sandbox.write_file(f"{sandbox.paths.work}/data", data)
        assert await sandbox.read_file(f"{sandbox.paths.work}/data") == data
        for i in range(3):
            assert await shell(sandbox, f"echo {i} >> file; cat file; exit {i}") == (
                i,
                "".join(f"{n}\n" for n in range(i + 1)),
            )
        assert way.lost >= 3
        way.every = 0
    finally:
        way.every = 0
        await sandbox.destroy()
        way.end()


async def test_a_machine_that_is_gone_ends_its_commands_with_the_reason(
    sandbox: FcctlSandbox, server: FakeServer
) -> None:
    process = await sandbox.exec(["sleep", "1000"], env={}, cwd="/", output=ignore)
    (vm,) = await standing(server)
    await Api(server.url, token(server.secret)).release(vm)
    with pytest.raises(SandboxLost, match=r"404 .*no such VM"):
        await process.wait()


async def ignore(data: bytes) -> None:
    pass


async def test_a_guest_agent_that_is_killed_ends_the_sandbox(sandbox: FcctlSandbox) -> None:
    process = await sandbox.exec(["sleep", "1000"], env={}, cwd="/", output=ignore)
    assert sandbox._shell is not None
    await sandbox._shell.run("pkill -9 -f -- '-S /run/firebreak/[a]gent.py'")
    with pytest.raises(SandboxLost, match="agent has ended"):
        await process.wait()


async def test_a_step_outlives_every_call(sandbox: FcctlSandbox, server: FakeServer) -> None:
    """Their client's 30 s killed steps of 300 s: here a call ends after a second, and the step goes on."""
    before = len(server.journal())
    ended, output = await run(sandbox, ["sh", "-c", "sleep 3; echo late"])
    assert (ended.code, output) == (0, b"late\n")
    assert len(server.journal()) - before >= 3


async def test_a_rollback_puts_the_files_back(sandbox: FcctlSandbox) -> None:
    path = f"{sandbox.paths.work}/file"
    await sandbox.write_file(path, b"before")
    kept = await sandbox.snapshot()
    await sandbox.write_file(path, b"after")
    process = await sandbox.exec(["sleep", "1000"], env={}, cwd="/", output=ignore)
    await sandbox.restore(kept)
    with pytest.raises(SandboxLost, match="rolled back"):
        await process.wait()
    assert await sandbox.read_file(path) == b"before"
    with pytest.raises(SandboxError, match="no snapshot snap-other"):
        await sandbox.restore(SnapshotId("snap-other"))


async def test_no_machine_is_asked_for_where_there_is_no_room(driver: FcctlDriver, server: FakeServer) -> None:
    api = Api(server.url, token(server.secret))
    taken = [await api.call(requests.allocate("focal-ci", "x"), requests.Machine) for _ in range(8)]
    before = len(server.journal())
    sandbox = driver.create(new_spec())
    with pytest.raises(SandboxError, match=r"no room .*8 of 8"):
        await sandbox.start()
    assert [(method, path) for method, path, _ in server.journal()[before:]] == [("GET", "/api/vms")]
    for machine in taken:
        await api.release(machine.id)


@pytest.mark.parametrize("after_seconds", [0.01, 0.05, 0.2, 0.6])
async def test_a_start_that_is_given_up_leaves_no_machine(
    driver: FcctlDriver, server: FakeServer, after_seconds: float
) -> None:
    sandbox = driver.create(new_spec())
    starting = asyncio.create_task(sandbox.start())
    await asyncio.wait({starting}, timeout=after_seconds)
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
    await sandbox.destroy()
    assert await standing(server) == []


async def test_a_machine_of_an_agent_that_died_is_released_and_a_living_ones_is_not(
    driver: FcctlDriver, server: FakeServer, tmp_path: Path
) -> None:
    lives, orphan = driver.create(new_spec()), driver.create(new_spec())
    await asyncio.gather(lives.start(), orphan.start())
    records = Records(tmp_path / "fcctl")
    (record,) = [record for record in records.all() if record.sandbox == orphan.id]
    records.write(msgspec.structs.replace(record, owner=2**22 + 1, owner_started=1))
    await orphan._hang_up("its agent died")
    swept = await driver_of(tmp_path, server.url, token(server.secret)).sweep({SandboxId(lives.id)})
    assert [(one.id, one.removed) for one in swept if "machine" in one.what] == [(orphan.id, True)]
    assert len(await standing(server)) == 1
    assert await shell(lives, "echo fine") == (0, "fine\n")
    await lives.destroy()
    await orphan.destroy()
    assert records.all() == []


async def test_what_cannot_be_released_is_told_and_tried_again(
    driver: FcctlDriver, server: FakeServer, tmp_path: Path
) -> None:
    sandbox = driver.create(new_spec())
    await sandbox.start()
    await sandbox._hang_up("its agent died")
    late = driver_of(tmp_path, server.url, token(server.secret, seconds=-1))
    (refused,) = [one for one in await late.sweep(set()) if "machine" in one.what]
    assert not refused.removed
    assert "FIRECRACKER_AUTH_TOKEN" in refused.what
    assert any(one.removed for one in await driver.sweep(set()))
    await sandbox.destroy()


@pytest.mark.parametrize(("seconds", "user", "words"), [(-1, "user-1", "ended at"), (86_400, "other", "not accepted")])
async def test_a_token_that_cannot_be_used_says_what_to_do(
    server: FakeServer, tmp_path: Path, seconds: float, user: str, words: str
) -> None:
    made = token(server.secret, seconds=seconds, user=user)
    sandbox = driver_of(tmp_path, server.url, made).create(new_spec())
    with pytest.raises(SandboxError, match=words) as caught:
        await sandbox.start()
    assert "put a new one into FIRECRACKER_AUTH_TOKEN" in str(caught.value)
    assert made not in str(caught.value)


async def test_a_server_that_is_not_there_is_named(tmp_path: Path, server: FakeServer) -> None:
    probe = await driver_of(tmp_path, "http://127.0.0.1:9", token(server.secret)).probe()
    assert not probe.works
    assert "http://127.0.0.1:9" in probe.why


async def test_it_works_only_where_a_server_is_named(tmp_path: Path) -> None:
    probe = await driver_of(tmp_path, "", "").probe()
    assert not probe.works
    assert "FIRECRACKER_API_URL" in probe.why


async def test_a_redirect_is_not_followed(server: FakeServer) -> None:
    async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 302 Found\r\nLocation: {server.url}/api/vms\r\nContent-Length: 0\r\n\r\n".encode())
        writer.close()

    elsewhere = await asyncio.start_server(redirect, "127.0.0.1", 0)
    port = elsewhere.sockets[0].getsockname()[1]
    with pytest.raises(ApiTrouble, match="redirect"):
        await Api(f"http://127.0.0.1:{port}", token(server.secret)).call(requests.listing(), Machines)
    elsewhere.close()


async def test_an_answer_without_end_is_cut(server: FakeServer) -> None:
    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n")
        for _ in range(12):
            writer.write(b" " * 1024**2)
        writer.close()

    elsewhere = await asyncio.start_server(flood, "127.0.0.1", 0)
    port = elsewhere.sockets[0].getsockname()[1]
    with pytest.raises(SandboxError, match="more than 8388608 bytes"):
        await Api(f"http://127.0.0.1:{port}", token(server.secret)).call(requests.listing(), Machines)
    elsewhere.close()


async def test_a_command_hears_signals_as_in_any_machine(sandbox: FcctlSandbox) -> None:
    process = await sandbox.exec(["sleep", "1000"], env={}, cwd="/", output=ignore)
    await process.signal(signal.SIGINT)
    assert (await process.wait()).signal == signal.SIGINT


async def test_a_record_of_a_machine_that_was_never_made_is_forgotten(
    driver: FcctlDriver, server: FakeServer, tmp_path: Path
) -> None:
    """The agent died between asking and hearing the id; this server keeps no names, so there is nothing to find."""
    records = Records(tmp_path / "fcctl")
    records.begin("job-1", "firebreak-job-1")
    (swept,) = await driver.sweep(set())
    assert (swept.id, swept.removed) == ("job-1", True)
    assert records.all() == []
