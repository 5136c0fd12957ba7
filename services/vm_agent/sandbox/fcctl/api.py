"""Speaks HTTP with the management API: one request, one bounded answer, no redirects, the token in a header only.

The standard library's client in threads of its own: each standing machine has a call open nearly all the time, and the
loop's usual few threads are for others. It does not know what the requests mean.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import ssl
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar
from urllib.parse import urlsplit

from services.vm_agent.sandbox.fcctl import requests
from services.vm_agent.sandbox.fcctl.bearer import RENEW, TokenTrouble
from services.vm_agent.sandbox.fcctl.requests import BadAnswer, Request
from services.vm_agent.sandbox.protocol import SandboxError

ANSWER_BYTES = 8 * 1024**2
"""The largest answer that is read: a listing of thousands of machines, or a megabyte of output in base64."""
CALLS_AT_ONCE = 128
"""Threads: two a machine, for as many machines as one agent has slots by far."""
SHOWN_CHARACTERS = 300

_Answer = TypeVar("_Answer")


class ApiTrouble(SandboxError):
    """The API refused, or could not be reached. `status` is HTTP's, 0 where no answer came."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class _Raw(NamedTuple):
    status: int
    body: bytes


class Api:
    def __init__(self, url: str, token: str) -> None:
        parts = urlsplit(url)
        self._secure = parts.scheme == "https"
        self._host = parts.hostname or ""
        self._port = parts.port
        self._base = parts.path.rstrip("/")
        self._token = token
        self._threads = ThreadPoolExecutor(CALLS_AT_ONCE, thread_name_prefix="fcctl")
        self.place = f"{parts.scheme}://{self._host}" + ("" if parts.port is None else f":{parts.port}")

    async def call(self, request: Request, kind: type[_Answer]) -> _Answer:
        """Raises ApiTrouble, TokenTrouble, BadAnswer."""
        answer = await asyncio.get_running_loop().run_in_executor(self._threads, self._exchange, request)
        if not 200 <= answer.status < 300:
            raise self._trouble(request, answer)
        return requests.read(answer.body, kind, request)

    async def release(self, vm: str) -> None:
        """A machine that is not there is released."""
        request = requests.release(vm)
        answer = await asyncio.get_running_loop().run_in_executor(self._threads, self._exchange, request)
        if answer.status != 404 and not 200 <= answer.status < 300:
            raise self._trouble(request, answer)

    def _exchange(self, request: Request) -> _Raw:
        connection = self._connection(request.seconds)
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/json"}
        body = None
        if request.body is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(request.body).encode()
        try:
            connection.request(request.method, self._base + request.path, body=body, headers=headers)
            answer = connection.getresponse()
            data = answer.read(ANSWER_BYTES + 1)
        except (OSError, http.client.HTTPException) as trouble:
            said = f"{type(trouble).__name__}: {trouble}".replace(self._token or "\0", "***")[:SHOWN_CHARACTERS]
            raise ApiTrouble(f"{request.method} {request.path} at {self.place}: no answer ({said})") from None
        finally:
            connection.close()
        if len(data) > ANSWER_BYTES:
            raise BadAnswer(f"the answer to {request.method} {request.path} has more than {ANSWER_BYTES} bytes")
        return _Raw(answer.status, data)

    def _connection(self, seconds: float) -> http.client.HTTPConnection:
        if self._secure:
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(self._host, self._port, timeout=seconds, context=context)
        return http.client.HTTPConnection(self._host, self._port, timeout=seconds)

    def _trouble(self, request: Request, answer: _Raw) -> SandboxError:
        said = answer.body[:SHOWN_CHARACTERS].decode(errors="replace")
        said = "".join(c if c.isprintable() else " " for c in said).replace(self._token or "\0", "***")
        where = f"{request.method} {request.path} at {self.place}"
        match answer.status:
            case 401:
                return TokenTrouble(f"{where}: the token is not accepted, it has ended or its user is gone: {RENEW}")
            case 403:
                return ApiTrouble(f"{where}: the token's user may not do this (403 {said})", 403)
            case status if 300 <= status < 400:
                return ApiTrouble(f"{where}: a redirect ({status}), which is not followed: correct the URL", status)
            case status:
                return ApiTrouble(f"{where}: {status} {said}", status)
