"""README's delivery that is signed by hand: its own lines, run by bash, against a real ingress."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import zlib
from dataclasses import replace
from pathlib import Path

import msgspec

from libs.blobs.memory import MemoryBlobs
from libs.bus.memory import MemoryBus
from libs.contracts import subjects
from libs.contracts.delivery import DeliveryReceived
from libs.contracts.envelope import decode_commit
from libs.github.payload import read_event
from libs.process import Process
from libs.settings import read_settings
from libs.web import serve_http
from services.ingress.__main__ import ingress
from tests.contract.infra.programs import ROOT, program

SECRET = "a-secret-of-yours"
SCRIPT_SECONDS = 30


def _block() -> str:
    blocks: list[str] = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    (block,) = [each for each in blocks if "openssl dgst" in each]
    return block


def _repository(folder: Path) -> str:
    folder.mkdir()
    git = ["git", "-C", str(folder), "-c", "user.name=me", "-c", "user.email=me@example.org"]
    for arguments in (["init", "-q", "-b", "main"], ["commit", "-q", "--allow-empty", "-m", "one"]):
        subprocess.run([*git, *arguments], check=True, timeout=SCRIPT_SECONDS)
    found = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, timeout=SCRIPT_SECONDS)
    return found.stdout.decode().strip()


async def test_the_signed_push_of_the_readme_is_accepted_and_understood(tmp_path: Path) -> None:
    program("openssl")
    program("curl")
    repository = tmp_path / "repository"
    sha = _repository(repository)
    settings = read_settings({"FIREBREAK_HOME": str(tmp_path / "home"), "GITHUB_WEBHOOK_SECRET": SECRET})
    process = Process(replace(settings, port=0), MemoryBus(), MemoryBlobs())
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve_http(ingress(process, SECRET.encode()), "127.0.0.1", 0, ready=port.set_result))
    try:
        script = _block().replace("~/your/repository", str(repository)).replace(":3000", f":{await port}")
        assert SECRET in script
        command = ["bash", "-e", "-c", script]
        shell = await asyncio.create_subprocess_exec(
            *command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={"PATH": os.environ["PATH"]}
        )
        output, _ = await asyncio.wait_for(shell.communicate(), SCRIPT_SECONDS)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert b"202 Accepted" in output
    stored = await process.bus.get(subjects.DELIVERIES, 1)
    assert stored is not None
    delivery = msgspec.json.decode(decode_commit(stored.data).events[0], type=DeliveryReceived)
    assert delivery.body is not None
    event = read_event(delivery.event, zlib.decompress(delivery.body))
    assert (event.ref, event.after) == ("refs/heads/main", sha)
    assert event.repository is not None
    assert event.repository.clone_url == str(repository)
