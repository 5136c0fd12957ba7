"""A name server in the namespace `outside`: it answers every question for an address, by UDP and by TCP."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tests.contract.network.outside import NAME, PRIVATE

ANSWER = "11.22.33.44"
SERVE = f"""
import socket, struct, sys, threading

def answer(question):
    end = 12
    while question[end]:
        end += question[end] + 1
    end += 5
    head = question[:2] + b"\\x81\\x80" + struct.pack(">HHHH", 1, 1, 0, 0)
    return head + question[12:end] + struct.pack(">HHHIH", 0xC00C, 1, 1, 60, 4) + socket.inet_aton("{ANSWER}")

def exactly(connection, count):
    data = b""
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            raise EOFError
        data += part
    return data

def by_tcp():
    while True:
        connection, _ = listener.accept()
        with connection:
            try:
                reply = answer(exactly(connection, struct.unpack(">H", exactly(connection, 2))[0]))
                connection.sendall(struct.pack(">H", len(reply)) + reply)
            except (OSError, EOFError, IndexError):
                pass

listener = socket.create_server((sys.argv[1], 53))
server = socket.socket(type=socket.SOCK_DGRAM)
server.bind((sys.argv[1], 53))
print("ready", flush=True)
threading.Thread(target=by_tcp, daemon=True).start()
while True:
    question, who = server.recvfrom(512)
    try:
        server.sendto(answer(question), who)
    except IndexError:
        pass
"""


@contextmanager
def resolver(folder: Path, address: str = PRIVATE) -> Generator[Path]:
    """The resolv.conf that names it."""
    command = ["ip", "netns", "exec", NAME, sys.executable, "-c", SERVE, address]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        try:
            assert server.stdout is not None
            assert server.stdout.readline() == b"ready\n"
            configuration = folder / "resolv.conf"
            configuration.write_text(f"nameserver {address}\n")
            yield configuration
        finally:
            server.kill()
