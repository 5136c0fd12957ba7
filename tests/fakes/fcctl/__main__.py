"""The server: routes, tokens, capacity, and a journal of what it was asked, for tests that compare it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.server
import json
import os
import shutil
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.fakes.fcctl.machine import Machine

KINDS = ("focal-ci", "focal", "focal-optimized", "bionic-test", "rust-ci")
MAX_VMS = 8
USERS = {"user-1"}
BODY_BYTES = 1024**2
CODE_BYTES = 128 * 1024
"""The code is one argument of a program; the kernel takes no more."""


class Refused(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Server:
    def __init__(self, folder: Path, secret: str) -> None:
        self._folder = folder
        self._secret = secret
        self._machines: dict[str, Machine] = {}
        self._lock = threading.Lock()
        # A process that dies with its parent dies with the thread that began it: so one thread begins them all.
        self._beginner = ThreadPoolExecutor(1)
        self._count = 0

    def user(self, authorization: str) -> str:
        try:
            kind, token = authorization.split(" ")
            head, body, signature = token.split(".")
            made = hmac.new(self._secret.encode(), f"{head}.{body}".encode(), hashlib.sha256).digest()
            claims = json.loads(_decode(body))
            good = kind == "Bearer" and json.loads(_decode(head))["alg"] == "HS256"
            if not good or not hmac.compare_digest(made, _decode(signature)):
                raise ValueError
        except (ValueError, KeyError):
            raise Refused(401, "invalid token") from None
        if claims["exp"] <= time.time():
            raise Refused(401, "token expired")
        if claims["user_id"] not in USERS:
            raise Refused(401, "no such user")
        return claims["username"]

    def answer(self, method: str, path: str, body: dict[str, Any] | None, authorization: str) -> tuple[int, object]:
        if (method, path) == ("GET", "/health"):
            return 200, {"service": "fcctl", "status": "healthy", "timestamp": time.time()}
        user = self.user(authorization)
        match method, path.strip("/").split("/"):
            case "POST", ["api", "vms"]:
                return 201, self.allocate(body or {})
            case "GET", ["api", "vms"]:
                return 200, self.listing(user)
            case "GET", ["api", "vms", vm]:
                return 200, self.described(vm, self.machine(vm))
            case "DELETE", ["api", "vms", vm]:
                self.machine(vm)
                self._machines.pop(vm).remove()
                return 200, {"success": True}
            case "POST", ["api", "vms", vm, "snapshots"]:
                identifier = f"snap-{os.urandom(6).hex()}"
                if not isinstance((body or {}).get("name"), str):
                    raise Refused(400, "a snapshot needs a name")
                self.machine(vm).keep(identifier)
                return 200, {"snapshot_id": identifier}
            case "POST", ["api", "vms", vm, "rollback", snapshot]:
                machine = self.machine(vm)
                if body is not None:
                    raise Refused(400, "a rollback takes no body")
                if snapshot not in machine.snapshots:
                    raise Refused(404, "no such snapshot")
                self._beginner.submit(machine.roll_back, snapshot).result()
                return 200, {"success": True}
            case "POST", ["api", "llm", "execute"]:
                return 200, self.execute(body or {})
            case _:
                raise Refused(404, "no such route")

    def allocate(self, body: dict[str, Any]) -> object:
        if body.get("vm_type") not in KINDS:
            raise Refused(400, "no such vm_type")
        with self._lock:
            if len(self._machines) >= MAX_VMS:
                raise Refused(429, "at capacity")
            self._count += 1
            vm, name = f"vm-{os.urandom(6).hex()}", f"brave-otter-{self._count}"
            machine = self._machines[vm] = Machine(self._folder / vm, name, body["vm_type"])
        self._beginner.submit(machine.boot).result()
        return {**self.described(vm, machine), "status": "Creating"}

    def described(self, vm: str, machine: Machine) -> dict[str, object]:
        return {
            "id": vm,
            "name": machine.name,
            "status": machine.status,
            "vm_type": machine.kind,
            "created_at": machine.created,
        }

    def listing(self, user: str) -> object:
        count = len(self._machines)
        return {
            "vms": [self.described(vm, machine) for vm, machine in list(self._machines.items())],
            "total": count,
            "user": user,
            "tiers": [],
            "usage": {"at_capacity": count >= MAX_VMS, "current_vms": count, "max_vms": MAX_VMS},
        }

    def machine(self, vm: str) -> Machine:
        if vm not in self._machines:
            raise Refused(404, "no such VM")
        return self._machines[vm]

    def execute(self, body: dict[str, Any]) -> object:
        if body.get("language") != "bash" or not isinstance(body.get("agent_id"), str):
            raise Refused(400, "agent_id and the language bash are needed")
        if len(body["code"].encode()) >= CODE_BYTES:
            raise Refused(413, "the code does not fit into one argument")
        begun = time.monotonic()
        # Of the two fields this server heeds the one that is documented, as the real one does.
        done = self.machine(body["vm_id"]).run(body["code"], body.get("timeout_ms", 30_000) / 1000)
        took = int((time.monotonic() - begun) * 1000)
        return {"execution_id": os.urandom(8).hex(), "vm_id": body["vm_id"], **done, "duration_ms": took, "error": None}

    def end(self) -> None:
        for machine in list(self._machines.values()):
            machine.remove()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def handler(server: Server, journal: Path) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            try:
                if length > BODY_BYTES:
                    raise Refused(413, "too large")
                raw = self.rfile.read(length)
                body = json.loads(raw) if raw else None
                with journal.open("a") as file:
                    file.write(json.dumps([self.command, self.path, body]) + "\n")
                status, answer = server.answer(self.command, self.path, body, self.headers.get("Authorization", ""))
            except Refused as refused:
                status, answer = refused.status, {"error": str(refused)}
            except (ValueError, KeyError, TypeError) as trouble:
                status, answer = 400, {"error": repr(trouble)}
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_DELETE = handle_any

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler


def main(folder: Path, secret: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    server = Server(folder, secret)
    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler(server, folder / "journal"))
    listening.daemon_threads = True
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    print(listening.server_address[1], flush=True)
    sys.stdin.read()
    listening.shutdown()
    server.end()
    for place in folder.glob("vm-*"):
        shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
