"""A guest whose root does with its network what it likes: names come from one resolver alone, forged packets are
dropped and counted, floods end at the machine's own bounds."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import pytest

from services.vm_agent.sandbox.machine.ground import Host
from services.vm_agent.sandbox.namespaces import link_of
from services.vm_agent.sandbox.network.namespace import Networks, obstacle
from services.vm_agent.sandbox.network.policy import CONNECTIONS
from services.vm_agent.sandbox.premises import Premises
from services.vm_agent.sandbox.protocol import Sandbox
from services.vm_agent.sandbox.qemu.driver import QemuDriver
from services.vm_agent.sandbox.run import run
from tests.contract.network.outside import METADATA, PRIVATE, PUBLIC, outside
from tests.contract.network.resolver import ANSWER, resolver
from tests.contract.network.test_guest import PORT, answers, spec
from tests.images import NAME, images_folder

MORE_CONNECTIONS = CONNECTIONS + 1904
"""Six thousand: some more than one machine may have."""
ASK = """
import os, socket, struct, sys
server, kind = sys.argv[1], sys.argv[2]
head = os.urandom(2) + b"\\x01\\x00" + struct.pack(">HHHH", 1, 0, 0, 0)
question = head + b"\\x04name\\x07example\\x00" + b"\\0\\1\\0\\1"
one = socket.socket(type=socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM)
one.settimeout(3)
one.connect((server, 53))
one.sendall(question if kind == "udp" else struct.pack(">H", len(question)) + question)
reply = one.recv(512)
print("address", socket.inet_ntoa(reply[-4:]))
"""
FORGE = """
import socket, struct, sys
def sum16(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF
raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
raw.bind(("eth0", 0))
mac = bytes.fromhex("0600ac100001"), bytes.fromhex("0600ac100002")
def frame(source, target):
    payload = struct.pack(">HHHH", 4000, 4000, 12, 0) + b"fake"
    places = socket.inet_aton(source), socket.inet_aton(target)
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 32, 1, 0, 64, 17, 0, *places)
    head = head[:10] + struct.pack(">H", sum16(head)) + head[12:]
    return mac[0] + mac[1] + b"\\x08\\x00" + head + payload
for source in ("172.16.0.9", "10.0.0.1", "127.0.0.1", "8.8.8.8"):
    for _ in range(5):
        raw.send(frame(source, sys.argv[1]))
for _ in range(5):
    raw.send(frame("172.16.0.3", "172.16.0.1"))
# IPv6, link-local: a ping of the host's end and of all nodes, and a router advertisement.
own = socket.inet_pton(socket.AF_INET6, "fe80::2")
for target in ("fe80::1", "ff02::1", "ff02::2", "fe80::400:acff:fe10:1"):
    for kind in (128, 134, 135):
        body = struct.pack(">BBHHH", kind, 0, 0, 1, 1) + bytes(16)
        head = struct.pack(">IHBB", 6 << 28, len(body), 58, 255) + own + socket.inet_pton(socket.AF_INET6, target)
        pseudo = head[8:] + struct.pack(">IHBB", len(body), 0, 0, 58)
        body = body[:2] + struct.pack(">H", sum16(pseudo + body)) + body[4:]
        raw.send(mac[0] + mac[1] + b"\\x86\\xdd" + head + body)
raw.settimeout(2)
answered = 0
listener = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x86DD))
listener.settimeout(1)
try:
    while True:
        data, where = listener.recvfrom(2048)
        answered += where[2] != socket.PACKET_OUTGOING
except TimeoutError:
    pass
print("answered", answered)
"""
FLOOD = """
import os, socket, struct, time
raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
raw.bind(("eth0", 0))
end = time.monotonic() + 3
sent = 0
while time.monotonic() < end:
    fake = b"\\x06" + os.urandom(5)
    address = b"\\xac\\x10" + os.urandom(2)
    arp = b"\\0\\1\\x08\\0\\6\\4" + struct.pack(">H", 1 + sent % 2) + fake + address + bytes(6) + b"\\xac\\x10\\0\\1"
    raw.send(b"\\xff" * 6 + fake + b"\\x08\\x06" + arp)
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 272, 1, 0, 64, 17, 0, bytes(4), b"\\xff" * 4)
    raw.send(b"\\xff" * 6 + fake + b"\\x08\\0" + head + struct.pack(">HHHH", 68, 67, 252, 0) + bytes(244))
    sent += 1
print("sent", sent)
"""
SEND = """
import resource, socket, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (7000, 7000))
held = [socket.socket(type=socket.SOCK_DGRAM) for _ in range(int(sys.argv[2]))]
for one in held:
    try:
        one.sendto(b"x", (sys.argv[1], 9))
    except OSError as error:
        print(error)
        break
print("sent from", len(held))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    made = tmp_path_factory.mktemp("hostile")
    yield made
    shutil.rmtree(made, ignore_errors=True)


class ResolvedDriver(QemuDriver):
    """Whose machines get their names where the test says."""

    configuration = Path("/etc/resolv.conf")

    async def _stand(self) -> Host:
        stand = await super()._stand()
        return Host(stand.hierarchies, Networks((), self.configuration), stand.uid)


@pytest.fixture
async def machine(folder: Path) -> AsyncGenerator[Sandbox]:
    """One of the own repositories, with a resolver on a private address."""
    if (why := obstacle()) is not None:
        pytest.skip(why)
    driver = ResolvedDriver(Premises(folder, images_folder(), image=NAME))
    with outside(), resolver(folder) as configuration:
        driver.configuration = configuration
        probe = await driver.probe()
        if not probe.works:
            pytest.skip(f"{probe.why}; `make vm`")
        sandbox = driver.create(spec("own"))
        await sandbox.start()
        try:
            yield sandbox
        finally:
            await sandbox.destroy()


async def python(machine: Sandbox, script: str, *arguments: object) -> tuple[int, str]:
    """As the guest's root."""
    ended, output = await run(machine, ["sudo", "python3", "-c", script, *map(str, arguments)])
    return ended.code, output.decode()


def counted(machine: Sandbox, statement: str) -> int:
    """The packets that rules of its namespace with such a statement have counted."""
    command = ["ip", "netns", "exec", machine.footprint.namespace, "nft", "-j", "list", "table", "inet", "firebreak"]
    listed = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    total = 0
    for entry in listed["nftables"]:
        statements = entry.get("rule", {}).get("expr", [])
        if any(statement in one for one in statements):
            total += sum(one["counter"]["packets"] for one in statements if "counter" in one)
    return total


def followed() -> int:
    """The connections that the host's own kernel follows."""
    return int(Path("/proc/sys/net/netfilter/nf_conntrack_count").read_text())


async def answers_again(machine: Sandbox, address: str) -> None:
    """A flood's own packets go out first, however long this computer needs for them; then connections do again."""
    for _ in range(6):
        if (
            b"hello"
            in (await run(machine, ["timeout", "10", "bash", "-c", f"head -n 1 < /dev/tcp/{address}/{PORT}"]))[1]
        ):
            return
    raise AssertionError(f"{address} no longer answers")


@pytest.mark.timeout(180)
async def test_names_come_from_one_resolver_and_no_other_answers(machine: Sandbox) -> None:
    for kind in ("udp", "tcp"):
        code, output = await python(machine, ASK, "172.16.0.1", kind)
        assert code == 0, output
        assert f"address {ANSWER}" in output
        # The same server at its own address, which is private.
        code, output = await python(machine, ASK, PRIVATE, kind)
        assert code != 0, output
    ended, output = await run(machine, ["getent", "ahostsv4", "name.example"])
    assert ended.code == 0
    assert ANSWER in output.decode()
    assert not await answers(machine, PRIVATE, 53)
    assert not await answers(machine, METADATA, 53)


@pytest.mark.timeout(180)
async def test_forged_packets_are_dropped_and_floods_are_borne(machine: Sandbox) -> None:
    before = counted(machine, "drop")
    code, output = await python(machine, FORGE, PUBLIC)
    assert code == 0, output
    assert "answered 0" in output
    assert counted(machine, "drop") - before >= 20, "the forged packets were not dropped by a rule"
    assert await answers(machine, PUBLIC)

    code, output = await python(machine, FLOOD)
    assert code == 0, output
    await answers_again(machine, PUBLIC)

    host = followed()
    code, output = await python(machine, SEND, PUBLIC, MORE_CONNECTIONS)
    assert code == 0, output
    assert f"sent from {MORE_CONNECTIONS}" in output
    assert counted(machine, "ct count") >= MORE_CONNECTIONS - CONNECTIONS - 16, "more connections than it may have"
    assert followed() - host <= CONNECTIONS + 64
    assert Path("/sys/class/net", link_of(machine.footprint.namespace)).exists()
