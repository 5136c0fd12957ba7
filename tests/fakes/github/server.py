"""A GitHub API server on a free loopback port, with the real one's rules, a memory of what it was asked, and faults."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qs

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.fakes.github.limits import Limits
from tests.fakes.github.state import Refusal, Repository, State, Token

METHODS = ["GET", "POST", "PATCH", "DELETE", "PUT"]
REPO = r"/repos/(?P<repo>[^/]+/[^/]+)"
ROUTES = [
    ("GET", re.compile(r"/user\Z"), "user"),
    ("POST", re.compile(rf"{REPO}/statuses/(?P<sha>[^/]+)\Z"), "set_status"),
    ("GET", re.compile(rf"{REPO}/commits/(?P<sha>[^/]+)/statuses\Z"), "statuses"),
    ("GET", re.compile(rf"{REPO}/issues/(?P<issue>\d+)/comments\Z"), "comments"),
    ("POST", re.compile(rf"{REPO}/issues/(?P<issue>\d+)/comments\Z"), "create_comment"),
    ("GET", re.compile(rf"{REPO}/issues/comments/(?P<comment>\d+)\Z"), "comment"),
    ("PATCH", re.compile(rf"{REPO}/issues/comments/(?P<comment>\d+)\Z"), "update_comment"),
    ("DELETE", re.compile(rf"{REPO}/issues/comments/(?P<comment>\d+)\Z"), "delete_comment"),
]
CREATES = {"set_status", "create_comment", "update_comment"}


@dataclass(frozen=True)
class Asked:
    """`status` is what was answered, 0 where nothing was."""

    method: str
    path: str
    body: Any
    status: int


@dataclass
class Fault:
    """Hits requests whose `METHOD path` matches, `times` often: `before` or `after` they took effect."""

    pattern: re.Pattern[str]
    when: Literal["before", "after"]
    how: Literal["hang", "500", "502"]
    times: int = 1
    hit: asyncio.Event = field(default_factory=asyncio.Event)


class FakeGitHub:
    def __init__(self) -> None:
        self.state = State()
        self.limits = Limits(time.time)
        self.asked: list[Asked] = []
        self.url = ""
        self._faults: list[Fault] = []
        self._over = asyncio.Event()

    def add_repository(
        self, full_name: str, *, commits: tuple[str, ...] = (), issues: tuple[int, ...] = ()
    ) -> Repository:
        repository = self.state.repositories[full_name] = Repository(set(commits), set(issues))
        return repository

    def add_token(
        self, token: str, login: str, *, statuses: bool = True, comments: bool = True, app: bool = False
    ) -> None:
        self.state.tokens[token] = Token(login, statuses, comments, app)

    def fault(
        self, pattern: str, when: Literal["before", "after"], how: Literal["hang", "500", "502"], times: int = 1
    ) -> Fault:
        fault = Fault(re.compile(pattern), when, how, times)
        self._faults.append(fault)
        return fault

    def writes(self, pattern: str = "") -> list[Asked]:
        """Requests that took effect, or may have."""
        return [a for a in self.asked if a.method != "GET" and re.search(pattern, f"{a.method} {a.path}")]

    async def answer(self, request: Request) -> Response:
        body = await request.body()
        key = f"{request.method} {request.url.path}"
        try:
            if (early := await self._fault(key, "before")) is not None:
                return self._noted(request, body, early)
            response = self._respond(request, body)
            return self._noted(request, body, await self._fault(key, "after") or response)
        except asyncio.CancelledError:
            self._noted(request, body, Response(status_code=0))
            raise

    def _noted(self, request: Request, body: bytes, response: Response) -> Response:
        data = json.loads(body) if body else None
        self.asked.append(Asked(request.method, request.url.path, data, response.status_code))
        return response

    async def _fault(self, key: str, when: str) -> Response | None:
        for fault in self._faults:
            if fault.times and fault.when == when and fault.pattern.search(key):
                fault.times -= 1
                fault.hit.set()
                if fault.how == "hang":
                    await self._over.wait()
                return _json(int(fault.how) if fault.how != "hang" else 504, {"message": "Server Error"})
        return None

    def _respond(self, request: Request, body: bytes) -> Response:
        try:
            return self._route(request, body)
        except Refusal as refusal:
            data: dict[str, Any] = {"message": refusal.message, "documentation_url": "https://docs.github.com/rest"}
            if refusal.errors:
                data["errors"] = refusal.errors
            return _json(refusal.status, data, {**self.limits.headers(), **refusal.headers})

    def _route(self, request: Request, body: bytes) -> Response:
        if not request.headers.get("user-agent"):
            raise Refusal(
                403, "Request forbidden by administrative rules. Please make sure you have a User-Agent header"
            )
        token = self._token(request)
        for method, pattern, name in ROUTES:
            match = pattern.match(request.url.path)
            if match and method == request.method:
                self.limits.count(creates=name in CREATES)
                return self._do(name, match.groupdict(), token, _parse(body), request)
        raise Refusal(404, "Not Found")

    def _token(self, request: Request) -> Token:
        kind, _, value = request.headers.get("authorization", "").partition(" ")
        if not value:
            raise Refusal(401, "Requires authentication")
        token = self.state.tokens.get(value) if kind.lower() in {"token", "bearer"} else None
        if token is None:
            raise Refusal(401, "Bad credentials")
        return token

    def _do(self, name: str, given: dict[str, str], token: Token, data: dict[str, Any], request: Request) -> Response:
        repo = given.get("repo", "")
        match name:
            case "user":
                if token.app:
                    raise Refusal(403, "Resource not accessible by integration")
                return self._ok(200, token.account)
            case "set_status":
                return self._ok(201, self.state.set_status(repo, given["sha"], token, data))
            case "statuses":
                return self._page(self.state.statuses(repo, given["sha"]), request)
            case "comments":
                return self._page(self.state.comments(repo, int(given["issue"])), request)
            case "create_comment":
                return self._ok(201, self.state.create_comment(repo, int(given["issue"]), token, data))
            case "comment":
                return self._ok(200, self.state.comment(repo, int(given["comment"])))
            case "update_comment":
                return self._ok(200, self.state.update_comment(repo, int(given["comment"]), token, data))
            case _:
                self.state.delete_comment(repo, int(given["comment"]), token)
                return Response(status_code=204, headers=self.limits.headers())

    def _ok(self, status: int, data: Any, **headers: str) -> Response:
        return _json(status, data, {**self.limits.headers(), **headers})

    def _page(self, items: list[dict[str, Any]], request: Request) -> Response:
        """30 a page unless asked otherwise, 100 at most, `Link` with next, last, prev and first."""
        query = parse_qs(request.url.query)
        size = min(100, _whole(query, "per_page", 30))
        page, pages = _whole(query, "page", 1), max(1, -(-len(items) // size))
        base = f"{self.url}{request.url.path}?per_page={size}&page="
        links = [f'<{base}{number}>; rel="{name}"' for name, number in _neighbours(page, pages)]
        return self._ok(200, items[(page - 1) * size : page * size], **({"link": ", ".join(links)} if links else {}))

    @asynccontextmanager
    async def serving(self) -> AsyncGenerator[FakeGitHub]:
        app = Starlette(routes=[Route("/{path:path}", self.answer, methods=METHODS)])
        server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", lifespan="off"))
        task = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        self.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            self._over.set()
            server.should_exit = server.force_exit = True
            await task


def _neighbours(page: int, pages: int) -> list[tuple[str, int]]:
    ahead = [("next", page + 1), ("last", pages)] if page < pages else []
    behind = [("prev", page - 1), ("first", 1)] if page > 1 else []
    return ahead + behind


def _whole(query: dict[str, list[str]], name: str, default: int) -> int:
    text = query.get(name, [""])[0]
    return int(text) if text.isdigit() and int(text) > 0 else default


def _parse(body: bytes) -> dict[str, Any]:
    try:
        data = json.loads(body) if body else {}
    except ValueError:
        raise Refusal(400, "Problems parsing JSON") from None
    if not isinstance(data, dict):
        raise Refusal(400, "Body should be a JSON object")
    return data


def _json(status: int, data: Any, headers: dict[str, str] | None = None) -> Response:
    return Response(json.dumps(data), status, {"content-type": "application/json; charset=utf-8", **(headers or {})})
