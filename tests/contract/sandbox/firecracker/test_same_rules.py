"""One conversation with the real Firecracker and with the fake: the same statuses, and the same reasons in their words.

What the fake allows, the real one allows; what it refuses, the real one refuses. The drivers' tests rest on that.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from services.vm_agent.sandbox.firecracker.api import Api, Fault
from services.vm_agent.sandbox.firecracker.requests import Request
from tests.contract.sandbox.conftest import fake_firecracker
from tests.contract.sandbox.firecracker.stub_kernel import counting
from tests.programs import firecracker

CONFIG = Request("PUT", "/machine-config", {"vcpu_count": 1, "mem_size_mib": 128})
BOOT = Request("PUT", "/boot-source", {"kernel_image_path": "vmlinux"})
START = Request("PUT", "/actions", {"action_type": "InstanceStart"})
PAUSE = Request("PATCH", "/vm", {"state": "Paused"})
RESUME = Request("PATCH", "/vm", {"state": "Resumed"})
SAVE = Request("PUT", "/snapshot/create", {"snapshot_path": "state", "mem_file_path": "memory"})
LOAD = Request(
    "PUT",
    "/snapshot/load",
    {"snapshot_path": "state", "mem_backend": {"backend_type": "File", "backend_path": "memory"}, "resume_vm": False},
)
DISK = Request("PUT", "/drives/a", {"drive_id": "a", "path_on_host": "disk", "is_root_device": False})
VSOCK = Request("PUT", "/vsock", {"guest_cid": 3, "uds_path": "v.sock"})
CONVERSATIONS: dict[str, list[Request]] = {
    "boot, pause, save, resume": [CONFIG, BOOT, DISK, VSOCK, START, PAUSE, SAVE, RESUME],
    "nothing before the start": [PAUSE, SAVE, RESUME],
    "nothing of before after the start": [BOOT, START, CONFIG, BOOT, DISK, VSOCK, START],
    "saved only when paused": [BOOT, START, SAVE],
    "loaded only when fresh": [CONFIG, BOOT, LOAD],
    "start without a kernel": [START],
    "unknown things": [
        Request("PUT", "/nowhere", {}),
        Request("PUT", "/machine-config", {"vcpu_count": 1, "mem_size_mib": 128, "nope": 1}),
        Request("PUT", "/machine-config", {"mem_size_mib": 128}),
        Request("PUT", "/machine-config", {"vcpu_count": 64, "mem_size_mib": 128}),
        Request("PUT", "/machine-config", {"vcpu_count": 0, "mem_size_mib": 128}),
        Request("PUT", "/actions", {"action_type": "Dance"}),
        Request("PATCH", "/vm", {"state": "Asleep"}),
        Request("PUT", "/boot-source", {"kernel_image_path": "nowhere"}),
        Request("PUT", "/drives/a", {"drive_id": "a", "path_on_host": "nowhere", "is_root_device": False}),
        Request("PUT", "/drives/a", {"drive_id": "b", "path_on_host": "disk", "is_root_device": False}),
        Request("PUT", "/network-interfaces/a", {"iface_id": "b", "host_dev_name": "tap0"}),
        Request("PUT", "/entropy", {}),
        Request("PUT", "/logger", {"log_path": "disk"}),
        Request("PUT", "/logger", {"log_path": "disk"}),
    ],
}
KEY_WORDS = (
    "not supported before starting",
    "not supported after starting",
    "not allowed after configuring",
    "unknown field",
    "missing field",
    "unknown variant",
    "cannot be opened",
    "Reinitialization",
    "kernel configuration",
)


@asynccontextmanager
async def running(folder: Path, program: str) -> AsyncGenerator[Api]:
    folder.mkdir()
    (folder / "vmlinux").write_bytes(counting("x"))
    (folder / "disk").write_bytes(bytes(65536))
    process = subprocess.Popen(
        [program, "--api-sock", "fc.sock"], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    api = Api(folder / "fc.sock")
    try:
        await api.connect()
        yield api
    finally:
        api.close()
        process.kill()
        process.wait()


async def answers(api: Api, conversation: list[Request]) -> list[str]:
    told: list[str] = []
    for request in conversation:
        try:
            await api.ask(request)
            told.append(f"{request.path}: taken")
        except Fault as fault:
            words = [word for word in KEY_WORDS if word in str(fault)]
            told.append(f"{request.path}: refused {words}")
    return told


@pytest.mark.parametrize("name", CONVERSATIONS)
async def test_the_fake_answers_as_the_real_one(tmp_path: Path, name: str) -> None:
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        pytest.skip("/dev/kvm cannot be opened here: Firecracker starts nothing without it")
    heard: list[list[str]] = []
    for kind, program in (
        ("real", firecracker("firecracker")),
        ("fake", str(fake_firecracker(tmp_path / "programs"))),
    ):
        async with running(tmp_path / kind, program) as api:
            heard.append(await answers(api, CONVERSATIONS[name]))
    assert heard[1] == heard[0]
