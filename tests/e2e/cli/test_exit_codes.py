"""The documented exit codes, against a real NATS: what scripts branch on."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from libs.bus.jetstream import JetStreamBus
from libs.bus.server import NatsServer

ROOT = Path(__file__).parents[3]


async def firebreak(url: str, home: Path, *arguments: str, stdin: bytes = b"") -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.cli",
        *arguments,
        cwd=home,
        env={"PATH": os.environ["PATH"], "HOME": str(home), "NATS_URL": url, "PYTHONPATH": str(ROOT)},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(stdin), 60)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("runs", "show", "999"), 2, "no run 999"),
        (("runs", "show", "abc"), 2, "no run id"),
        (("runs", "summary", "999"), 2, "no run 999"),
        (("runs", "cancel", "999"), 2, "no run 999"),
        (("why", "999"), 2, "no run 999"),
        (("hosts", "drain", "nope"), 2, "has ever joined"),
        (("pool", "show", "nope"), 2, "host nope does not answer"),
        (("hosts", "drain", "No.Pe"), 2, "no host id"),
        (("events", "get", "7"), 2, "holds nothing"),
        (("events", "tail", "--since", "yesterday"), 2, "--since"),
        (("runs", "start", "nonsense", "ci.yml"), 2, "OWNER/NAME"),
    ],
)
async def test_what_is_not_there_is_usage_and_says_what_is(
    nats_server: NatsServer,
    jetstream_bus: JetStreamBus,
    tmp_path: Path,
    arguments: tuple[str, ...],
    code: int,
    says: str,
) -> None:
    found, _, err = await firebreak(nats_server.url, tmp_path, *arguments)
    assert (found, says in err) == (code, True), err


async def test_an_empty_system_is_no_error(
    nats_server: NatsServer, jetstream_bus: JetStreamBus, tmp_path: Path
) -> None:
    code, out, _ = await firebreak(nats_server.url, tmp_path, "runs", "ls", "--json")
    assert (code, json.loads(out)) == (0, [])
    code, out, _ = await firebreak(nats_server.url, tmp_path, "events", "tail", "--no-follow", "--json")
    assert (code, out) == (0, "")


async def test_nobody_there_is_unreachable(tmp_path: Path) -> None:
    code, _, err = await firebreak("nats://127.0.0.1:1", tmp_path, "runs", "ls")
    assert code == 3
    assert "firebreak up" in err
