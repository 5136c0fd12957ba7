"""The requests, in order and to the last field, beside what was written down of them."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from libs.contracts.size import Size
from services.vm_agent.sandbox.firecracker import jailer, requests
from services.vm_agent.sandbox.firecracker.jailer import Jail, jail_id
from services.vm_agent.sandbox.firecracker.requests import Machine, Request
from services.vm_agent.sandbox.protocol import SandboxLost

GOLDEN = Path(__file__).parent / "golden"
MACHINE = Machine(Size(2, 4096), network=True)
SEQUENCES: dict[str, list[Request]] = {
    "boot": requests.boot(MACHINE),
    "boot-without-network": requests.boot(Machine(Size(1, 512), network=False)),
    "save": requests.save(MACHINE),
    "restore-1.12": requests.restore(MACHINE, (1, 12)),
    "restore-1.16": requests.restore(MACHINE, (1, 16)),
}


@pytest.mark.parametrize("name", SEQUENCES)
def test_a_sequence_is_exactly_what_was_written_down(name: str) -> None:
    lines = [f"{one.method} {one.path} {msgspec.json.encode(one.body).decode()}" for one in SEQUENCES[name]]
    assert lines == (GOLDEN / f"{name}.txt").read_text().splitlines()


def test_fields_that_an_older_version_refuses_are_not_sent_to_it() -> None:
    for version, wanted in (((1, 12), False), ((1, 15), False), ((1, 16), True), ((2, 0), True)):
        (load,) = [one for one in requests.restore(MACHINE, version) if one.path == "/snapshot/load"]
        assert ("clock_realtime" in load.body) is wanted
        assert ("vsock_override" in load.body) is wanted


def test_nothing_is_put_before_a_state_is_loaded_but_the_logger() -> None:
    paths = [one.path for one in requests.restore(MACHINE, (1, 16))]
    assert paths == ["/logger", "/snapshot/load", "/vm"]


def test_a_machine_in_a_folder_has_relative_paths() -> None:
    machine = Machine(Size(1, 512), network=False, prefix="")
    (boot,) = [one for one in requests.boot(machine) if one.path == "/boot-source"]
    assert boot.body["kernel_image_path"] == "vmlinux"


def test_the_jailers_command() -> None:
    jail = Jail(
        "/usr/bin/jailer", "/usr/bin/firecracker", "run-1", 12345, "/home/x/sandboxes/run-1", "firebreak.x.run-1"
    )
    assert jailer.command(jail) == [
        *("/usr/bin/jailer", "--id", "run-1", "--exec-file", "/usr/bin/firecracker"),
        *("--uid", "12345", "--gid", "12345", "--chroot-base-dir", "/home/x/sandboxes/run-1"),
        *("--netns", "/run/netns/firebreak.x.run-1", "--resource-limit", "no-file=2048"),
        *("--", "--api-sock", "/fc.sock"),
    ]
    assert str(jail.root) == "/home/x/sandboxes/run-1/firecracker/run-1/root"


@pytest.mark.parametrize(("name", "made"), [("17-1-ab", "17-1-ab"), ("a_b.c~d", "a-b-c-d"), ("x" * 90, "x" * 64)])
def test_a_jails_name_has_only_what_the_jailer_takes(name: str, made: str) -> None:
    assert jail_id(name) == made


def test_a_name_of_nothing_is_refused() -> None:
    with pytest.raises(SandboxLost):
        jail_id("")
