"""The NATS configuration starts a real server, which then holds every stream."""

from __future__ import annotations

import asyncio
import re
import socket
import subprocess
from pathlib import Path

from libs.bus.jetstream import connect
from libs.bus.server import find_binary
from libs.bus.streams import prepare
from tests.contract.infra.programs import ROOT

CHECK_SECONDS = 30
STOP_SECONDS = 10


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def test_a_server_with_our_configuration_takes_our_streams(tmp_path: Path) -> None:
    port = _free_port()
    text = (ROOT / "infra" / "nats" / "nats.conf").read_text()
    text = text.replace("127.0.0.1:4222", f"127.0.0.1:{port}").replace("127.0.0.1:8222", f"127.0.0.1:{_free_port()}")
    text = text.replace("/var/lib/nats", str(tmp_path / "store"))
    config = tmp_path / "nats.conf"
    config.write_text(text)
    command = [find_binary(), "--config", str(config)]
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True, timeout=CHECK_SECONDS, check=False)
    assert checked.returncode == 0, checked.stderr
    server = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
    try:
        bus = await connect(f"nats://127.0.0.1:{port}", name="test", wait_seconds=CHECK_SECONDS)
        await prepare(bus)
        await bus.round_trip()
        await bus.close()
    finally:
        server.terminate()
        await asyncio.wait_for(server.wait(), STOP_SECONDS)


def test_what_was_acknowledged_is_on_the_disk_and_nobody_outside_is_listened_to() -> None:
    text = (ROOT / "infra" / "nats" / "nats.conf").read_text()
    assert "sync_interval: always" in text
    assert set(re.findall(r'"([\d.]+):\d+"', text)) == {"127.0.0.1"}
