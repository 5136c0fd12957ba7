"""QEMU alone, started from a template by a plain program: no event loop, no cgroup, no footprint.

The work disk is made as the driver makes it, and the arguments are the driver's, so that what is left is what the
driver adds.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time

from services.vm_agent.sandbox.guest import frames
from services.vm_agent.sandbox.guest.frames import HEADER, Kind
from services.vm_agent.sandbox.machine import disk
from services.vm_agent.sandbox.machine.template import Template
from services.vm_agent.sandbox.qemu import command_line
from services.vm_agent.sandbox.qemu.command_line import Files, Jail, Machine
from services.vm_agent.sandbox.qemu.sandbox import SHARED_MEMORY

ANSWER_SECONDS = 30.0
POLL_SECONDS = 0.002


def restore(program: str, machine: Machine, jail: Jail, root: str, template: Template, work: str) -> float:
    """Milliseconds from nothing to the guest's first answer. Blocks. Raises OSError, RuntimeError."""
    began = time.perf_counter()
    disk.make(work, machine.disk_bytes)
    channel, guest = socket.socketpair()
    monitor, qemu = socket.socketpair()
    files = [os.open(root, os.O_RDONLY), os.open(work, os.O_RDWR), os.open(work, os.O_RDONLY)]
    state = os.open(template.state, os.O_RDONLY)
    given = Files(guest.fileno(), qemu.fileno(), files[0], (files[1], files[2]), memory=template.memory)
    passed = [guest.fileno(), qemu.fileno(), *files, state]
    process = subprocess.Popen([program, *command_line.arguments(machine, given, jail, None)], pass_fds=passed)
    try:
        for descriptor in (*files, guest.detach(), qemu.detach()):
            os.close(descriptor)
        _load(monitor, state)
        _ping(channel)
        return (time.perf_counter() - began) * 1000
    finally:
        process.kill()
        process.wait()
        os.close(state)
        channel.close()
        monitor.close()


def _load(monitor: socket.socket, state: int) -> None:
    monitor.settimeout(ANSWER_SECONDS)
    with monitor.makefile("rwb", buffering=0) as lines:
        lines.readline()

        def ask(command: str, **arguments: object) -> dict[str, object]:
            lines.write(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
            while True:
                answer: dict[str, object] = json.loads(lines.readline())
                if "error" in answer:
                    raise RuntimeError(f"QEMU refused {command}: {answer['error']}")
                if "return" in answer:
                    return answer

        ask("qmp_capabilities")
        ask("migrate-set-capabilities", **SHARED_MEMORY)
        ask("migrate-incoming", uri=f"fd:{state}")
        while "inmigrate" in str(ask("query-status")):
            time.sleep(POLL_SECONDS)
        ask("cont")


def _ping(channel: socket.socket) -> None:
    channel.settimeout(ANSWER_SECONDS)
    nonce = os.urandom(16)
    channel.sendall(frames.encode(Kind.PING, 0, nonce))
    answer = channel.recv(HEADER.size + len(nonce), socket.MSG_WAITALL)
    if answer != frames.encode(Kind.PONG, 0, nonce):
        raise RuntimeError("the guest answered something else")
