"""`python -m tests.fakes.firecracker --api-sock PATH`: started and ended as Firecracker is, in the machine's folder."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import threading
from pathlib import Path

import msgspec

from tests.fakes.firecracker.guest import Guest
from tests.fakes.firecracker.rules import MAGIC, Machine, Refused, Saved

BODY_BYTES = 51_200
CONNECTIONS = 10
AGENT_PORT = 52


class Server:
    def __init__(self) -> None:
        self.machine = Machine()
        self.guest = Guest(Path.cwd() / "guest")
        self.paused = False
        self.bridges: list[socket.socket] = []
        self.lock = threading.Lock()

    def serve(self, path: str) -> None:
        if os.path.exists(path):
            sys.exit(1)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(CONNECTIONS)
        slots = threading.Semaphore(CONNECTIONS)
        while True:
            connection, _ = listener.accept()
            if not slots.acquire(blocking=False):
                connection.close()
                continue
            threading.Thread(target=self._client, args=(connection, slots), daemon=True).start()

    def _client(self, connection: socket.socket, slots: threading.Semaphore) -> None:
        with connection, contextlib.suppress(OSError, ValueError, IndexError):
            reader = connection.makefile("rb")
            while line := reader.readline():
                method, path, _ = line.decode().split(" ", 2)
                length = 0
                while (head := reader.readline()) not in (b"\r\n", b""):
                    name, _, value = head.decode().partition(":")
                    if name.lower() == "content-length":
                        length = int(value)
                if length > BODY_BYTES:
                    _answer(connection, 400, "Request payload is too large.")
                    return
                self._request(connection, method, path, reader.read(length))
        slots.release()

    def _request(self, connection: socket.socket, method: str, path: str, body: bytes) -> None:
        with self.lock:
            try:
                self.machine.request(method, path, body)
                self._do(self.machine.effect)
            except Refused as refused:
                _answer(connection, 400, str(refused))
                if path == "/snapshot/load" and "not allowed after" not in str(refused):
                    os._exit(1)
                return
        _answer(connection, 204, "")

    def _do(self, effect: tuple[object, ...]) -> None:
        match effect:
            case ("listen", str(path)):
                self._listen(path)
            case ("boot",):
                self.guest.boot()
            case ("pause",):
                self.paused = True
                self._drop_connections()
            case ("resume",):
                self.paused = False
            case ("save", str(state), str(memory)):
                self._save(state, memory)
            case ("load", str(state), str(memory)):
                self._load(state, memory)
            case _:
                pass

    def _save(self, state: str, memory: str) -> None:
        machine = self.machine
        drives = {name: drive.path_on_host for name, drive in machine.drives.items()}
        saved = Saved(MAGIC, machine.config.vcpu_count, machine.config.mem_size_mib, drives, machine.vsock)
        Path(state).write_bytes(msgspec.json.encode(saved))
        content = self.guest.save()
        size = machine.config.mem_size_mib * 1024**2
        with open(memory, "wb") as file:
            file.write(len(content).to_bytes(8, "big") + content)
            file.truncate(max(size, 8 + len(content)))

    def _load(self, state: str, memory: str) -> None:
        try:
            saved = msgspec.json.decode(Path(state).read_bytes(), type=Saved)
            with open(memory, "rb") as file:
                content = file.read(int.from_bytes(file.read(8), "big"))
        except (OSError, msgspec.MsgspecError) as error:
            raise Refused(f"Load snapshot error: Failed to restore from snapshot: {error}") from None
        if saved.magic != MAGIC or os.path.getsize(memory) < saved.memory_mib * 1024**2:
            raise Refused("Load snapshot error: Failed to restore from snapshot: Snapshot version is not supported.")
        for path in saved.drives.values():
            if not os.path.exists(path):
                raise Refused(f"Load snapshot error: Block device file {path}: No such file or directory (os error 2)")
        self.guest.put_back(content)
        self._listen(saved.vsock)
        self.paused = True
        self.guest.boot()

    def _listen(self, path: str) -> None:
        listener = socket.socket(socket.AF_UNIX)
        try:
            listener.bind(path)
        except OSError:
            raise Refused("Load snapshot error: Vsock error: Address in use (os error 98)") from None
        listener.listen(CONNECTIONS)
        threading.Thread(target=self._host_connections, args=(listener,), daemon=True).start()

    def _host_connections(self, listener: socket.socket) -> None:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=self._bridge, args=(connection,), daemon=True).start()

    def _bridge(self, connection: socket.socket) -> None:
        """`CONNECT <port>` is answered once somebody listens there; else the connection is closed."""
        with contextlib.suppress(OSError):
            line = b""
            while not line.endswith(b"\n") and len(line) < 32:
                byte = connection.recv(1)
                if not byte:
                    return
                line += byte
            if self.paused or not self.guest.runs or line != f"CONNECT {AGENT_PORT}\n".encode():
                connection.close()
                return
            try:
                agent = self.guest.connect()
            except OSError:
                connection.close()
                return
            connection.sendall(b"OK 1073741824\n")
            self.bridges += [connection, agent]
            threading.Thread(target=_pump, args=(agent, connection), daemon=True).start()
            _pump(connection, agent)

    def _drop_connections(self) -> None:
        """Open ones do not survive that a machine is saved."""
        for bridge in self.bridges:
            with contextlib.suppress(OSError):
                bridge.shutdown(socket.SHUT_RDWR)
        self.bridges.clear()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def _answer(connection: socket.socket, status: int, fault: str) -> None:
    body = json.dumps({"fault_message": fault}).encode() if fault else b""
    reason = "No Content" if status == 204 else "Bad Request"
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    head = f"HTTP/1.1 {status} {reason}\r\nServer: Firecracker API\r\nConnection: keep-alive\r\n{length}\r\n"
    connection.sendall(head.encode() + body)


def main() -> None:
    if sys.argv[1:] == ["--version"]:
        print("Firecracker v1.12.1")
        return
    Server().serve(sys.argv[sys.argv.index("--api-sock") + 1])


main()
