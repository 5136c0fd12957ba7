"""What a job cannot see or do where the driver claims isolation."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from services.vm_agent.sandbox.protocol import Capability, Driver, Sandbox, SandboxSpec
from tests.contract.sandbox.conftest import new_spec, shell


@pytest.fixture
async def isolated(sandbox: Sandbox) -> Sandbox | None:
    """None for a driver that claims no isolation: then there is nothing to hold it to."""
    return sandbox if Capability.ISOLATION in sandbox.capabilities else None


async def test_a_driver_without_isolation_takes_no_forks(driver: Driver, sandbox: Sandbox) -> None:
    assert driver.takes_forks == (Capability.ISOLATION in sandbox.capabilities)


async def test_nothing_of_the_host_is_there(isolated: Sandbox | None, tmp_path: Path) -> None:
    if isolated is None:
        return
    (tmp_path / "secret").write_text("secret")
    own = [tmp_path, Path(__file__)]
    usual = [Path.home(), Path("/etc/shadow"), Path("/etc/gitconfig"), Path("/var/log"), Path("/sys/fs")]
    # A machine with a kernel of its own has a system of its own, in which the usual places are.
    for place in own if Capability.OWN_KERNEL in isolated.capabilities else own + usual:
        code, said = await shell(isolated, f"ls -d {place}")
        assert code != 0, said


async def test_the_guests_paths_are_not_the_hosts(isolated: Sandbox | None) -> None:
    if isolated is None:
        return
    await isolated.write_file(f"{isolated.paths.work}/firebreak-here", b"x")
    assert not os.path.exists(f"{isolated.paths.work}/firebreak-here")


async def test_the_agents_environment_is_not_there(isolated: Sandbox | None) -> None:
    if isolated is None:
        return
    _, environ = await shell(
        isolated, "cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n' | cut -d= -f1 | sort -u | tr '\\n' ' '"
    )
    assert set(environ.split()) <= {"PATH", "PWD", "SHLVL", "_", "OLDPWD", "LC_CTYPE"}


async def test_only_its_own_processes_are_there(isolated: Sandbox | None) -> None:
    if isolated is None:
        return
    # The threads of a kernel of its own have no command line.
    list_them = "for it in /proc/[0-9]*; do grep -q . $it/cmdline && cat $it/comm; done 2>/dev/null"
    _, names = await shell(isolated, f"({list_them}) | sort -u | tr '\\n' ' '")
    assert {"python3", "sh"} <= set(names.split()) <= {"python3", "sh", "cat", "sort", "tr", "grep"}


async def test_it_has_no_rights_and_cannot_get_any(isolated: Sandbox | None) -> None:
    if isolated is None:
        return
    _, status = await shell(isolated, "grep -E 'CapEff|CapPrm|NoNewPrivs' /proc/self/status; id -u")
    assert status.split()[:4] == ["CapPrm:", "0" * 16, "CapEff:", "0" * 16]
    # Whoever becomes root in a machine with a kernel of its own is root of nothing else.
    assert status.split()[5] == "1" or Capability.OWN_KERNEL in isolated.capabilities
    assert status.split()[6] != "0"


@pytest.mark.parametrize(
    "attempt",
    [
        "echo x > /proc/sys/kernel/core_pattern",
        "echo 1 > /proc/sys/vm/drop_caches",
        "echo b > /proc/sysrq-trigger",
        "touch /usr/bin/firebreak",
        "touch /etc/firebreak",
        "touch /firebreak",
        "mount -t tmpfs none /tmp",
        "mknod /tmp/disk b 254 0",
        "echo x > /run/firebreak/agent.py",
    ],
)
async def test_the_host_and_the_guest_cannot_be_changed(isolated: Sandbox | None, attempt: str) -> None:
    if isolated is None:
        return
    code, _ = await shell(isolated, attempt)
    assert code != 0


async def test_the_guest_agent_holds_nothing_that_leads_out(isolated: Sandbox | None) -> None:
    if isolated is None:
        return
    code, seen = await shell(
        isolated, "for d in /proc/1/fd/*; do readlink $d; done 2>/dev/null; ls /proc/1/root/ | tr '\\n' ' '"
    )
    assert not [line for line in seen.split("\n")[:-1] if line.startswith("/") and line != "/dev/null"]
    assert code == 0 or not seen


async def test_a_job_that_kills_all_it_can_kills_itself(isolated: Sandbox | None) -> None:
    if isolated is None:
        return
    await shell(isolated, "kill -9 1; kill -STOP 1; kill -9 -1")
    assert await shell(isolated, "echo still here") == (0, "still here\n")


async def test_without_a_network_not_even_the_hosts_loopback_answers(driver: Driver) -> None:
    sandbox = driver.create(new_spec(network=False))
    await sandbox.start()
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        code, said = await shell(sandbox, f"bash -c '< /dev/tcp/127.0.0.1/{port}' && echo reached")
    await sandbox.destroy()
    if Capability.PRIVATE_NETWORK in sandbox.capabilities:
        assert code != 0
    else:
        assert said == "reached\n", "a driver that cannot cut the network off must not claim it"


def test_the_network_is_the_hosts_unless_the_spec_says_otherwise() -> None:
    assert SandboxSpec(id=new_spec().id).network
