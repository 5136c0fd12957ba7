"""The world beyond the host, in a namespace: a public service, a private one, a cloud's metadata service.

The addresses are routed to that namespace on this host for as long as the test runs; nothing leaves it.
"""

from __future__ import annotations

import fcntl
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

LOCK = Path(tempfile.gettempdir(), "fbtest-outside.lock")
NAME, LINK = "fbtest-outside", "fbtest0"
PUBLIC, PRIVATE, METADATA = "11.22.33.1", "10.98.76.1", "169.254.169.254"
PORT, OTHER_PORT = 8000, 8001
LISTEN = f"""
import socket, threading
def serve(listener):
    while True:
        connection, address = listener.accept()
        connection.sendall(b"hello " + address[0].encode() + b"\\n")
        connection.close()
first, other = (socket.create_server(("0.0.0.0", port)) for port in ({PORT}, {OTHER_PORT}))
print("ready", flush=True)
threading.Thread(target=serve, args=(other,), daemon=True).start()
serve(first)
"""


@contextmanager
def outside() -> Generator[None]:
    """Both ports answer on all three addresses. There is one outside at a time: it has names and addresses that all of
    this host share, and the tests run in several processes."""
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with _standing():
            yield


@contextmanager
def _standing() -> Generator[None]:
    _remove()
    _ip("netns", "add", NAME)
    try:
        _ip("link", "add", LINK, "type", "veth", "peer", "name", "eth0", "netns", NAME)
        _ip("address", "add", "11.22.33.2/24", "dev", LINK)
        _ip("link", "set", LINK, "up")
        for command in (
            "link set lo up",
            "link set eth0 up",
            f"address add {PUBLIC}/24 dev eth0",
            f"address add {PRIVATE}/32 dev eth0",
            f"address add {METADATA}/32 dev eth0",
            "route add default via 11.22.33.2",
        ):
            _ip("-n", NAME, *command.split())
        for address in (PRIVATE, METADATA):
            _ip("route", "add", f"{address}/32", "via", PUBLIC, "dev", LINK)
        command = ["ip", "netns", "exec", NAME, sys.executable, "-c", LISTEN]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
            try:
                assert server.stdout is not None
                assert server.stdout.readline() == b"ready\n"
                # Replies come back this way, so this device forwards as a way out does.
                with open(f"/proc/sys/net/ipv4/conf/{LINK}/forwarding", "w") as switch:
                    switch.write("1")
                yield
            finally:
                server.kill()
    finally:
        _remove()


def _remove() -> None:
    for command in (("link", "delete", LINK), ("netns", "delete", NAME)):
        subprocess.run(["ip", *command], capture_output=True, check=False)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
