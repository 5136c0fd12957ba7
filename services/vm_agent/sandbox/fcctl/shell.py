"""Runs trusted code in a machine through the API, and tells its end from the end of the way to it.

The API says 200 and exit 255 where its own SSH failed, as a command may, too. So the code's last word is a nonce with
the real exit code: an answer without it is trouble of the infrastructure and never a result.
"""

from __future__ import annotations

import base64
import gzip
import os
import shlex
from typing import NamedTuple

from services.vm_agent.sandbox.fcctl import requests
from services.vm_agent.sandbox.fcctl.api import Api
from services.vm_agent.sandbox.fcctl.requests import Executed
from services.vm_agent.sandbox.guest.frames import printable
from services.vm_agent.sandbox.protocol import SandboxError, SandboxLost

COMMAND_SECONDS = 60
"""For one of our own commands: none waits for a job's."""
CHUNK_BYTES = 64 * 1024
"""Of a file in one command. The server hands the code to SSH as one argument, and Linux takes 128 KiB of one."""
SHOWN_CHARACTERS = 300


class NoWay(SandboxError):
    """The command did not get through, or its answer did not come back; it may or may not have run."""


class Said(NamedTuple):
    code: int
    text: str


class Shell:
    """`before` is what makes a command root's where the API's user is another."""

    def __init__(self, api: Api, vm: str) -> None:
        self._api = api
        self._vm = vm
        self.before = ""

    async def run(self, code: str, *, seconds: int = COMMAND_SECONDS) -> Said:
        """Its own exit code and its standard output. Raises NoWay, and what the API says."""
        nonce = os.urandom(12).hex()
        wrapped = f"{{ ( {self.before}bash -c {shlex.quote(code)} ); printf '\\n{nonce} %s\\n' $?; }}"
        answer = await self.raw(wrapped, seconds=seconds)
        text, found, code_text = answer.stdout.rpartition(f"\n{nonce} ")
        if not found or not code_text.strip().isdigit():
            raise NoWay(_way_trouble(answer))
        return Said(int(code_text), text)

    async def must(self, code: str, what: str) -> str:
        """Raises SandboxLost where it fails: the machine cannot be used."""
        said = await self.run(f"{{ {code}\n}} 2>&1")
        if said.code != 0:
            raise SandboxLost(f"{what} failed with {said.code}: {printable(said.text.strip()[-SHOWN_CHARACTERS:])}")
        return said.text

    async def raw(self, code: str, *, seconds: int) -> Executed:
        return await self._api.call(requests.execute(self._vm, code, seconds), Executed)

    async def upload(self, path: str, data: bytes) -> None:
        """In pieces of base64 in here-documents, as the API takes no files."""
        packed = gzip.compress(data, mtime=0)
        quoted = shlex.quote(path)
        for start in range(0, len(packed), CHUNK_BYTES):
            piece = base64.encodebytes(packed[start : start + CHUNK_BYTES]).decode()
            arrow = ">>" if start else ">"
            code = f"umask 077; base64 -d {arrow} {quoted}.part <<'FIREBREAK'\n{piece}FIREBREAK"
            await self.must(code, f"sending {path}")
        await self.must(f"gzip -d < {quoted}.part > {quoted} && rm {quoted}.part", f"unpacking {path}")


def _way_trouble(answer: Executed) -> str:
    said = printable((answer.error or answer.stderr).strip()[:SHOWN_CHARACTERS]) or "nothing was said"
    return f"a command did not get through to the machine: exit {answer.exit_code}, {said}"
