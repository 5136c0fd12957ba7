"""GitHub's REST API, as far as verdicts need it: commit statuses and issue comments. The only importer of gidgethub and
httpx.

Every ending is one of four: the answer, `Refused` (asking again will not help), `Limited` (ask again later, GitHub says
when) or `Unreachable` (whether it took effect is unknown: look before asking again). Answers are read leniently: only
the fields that are named here need to be as documented. No error holds the token.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, TypeVar

import msgspec

if TYPE_CHECKING:
    from gidgethub.httpx import GitHubAPI

TIMEOUT_SECONDS = 15.0
"""GitHub gives up on a request after 10 s by itself."""
PAGE = 100
"""The most that GitHub hands out at once; its default is 30."""
PAGES = 50
"""Of one listing: a pull request with more than 5,000 comments has its new one at the end."""
LIMITED_SECONDS = 60.0
"""What GitHub asks for where a refusal by rate names no time."""
MESSAGE_CHARACTERS = 300


class Refused(Exception):
    """A 4xx that will not change by asking again."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(f"GitHub answered {status}: {why}")
        self.status = status


class Limited(Exception):
    """Too many requests, by GitHub's count. Nothing took effect."""

    def __init__(self, seconds: float, why: str) -> None:
        super().__init__(f"GitHub's rate limit: {why}; again in {seconds:.0f} s")
        self.seconds = seconds


class Unreachable(Exception):
    """No answer in time, or a 5xx."""


class Account(msgspec.Struct, frozen=True):
    login: str
    type: str = ""


class Status(msgspec.Struct, frozen=True):
    """A commit status. `state` is pending, success, failure or error."""

    context: str
    state: str
    description: str | None = None
    target_url: str | None = None
    id: int = 0
    creator: Account | None = None


class Comment(msgspec.Struct, frozen=True):
    id: int
    body: str | None = None
    user: Account | None = None


class _Id(msgspec.Struct, frozen=True):
    id: int


Read = TypeVar("Read")


class GitHub:
    """One token. `repository` is `owner/name` everywhere. Open one with `open_github`."""

    def __init__(self, api: GitHubAPI) -> None:
        self._api = api

    async def login(self) -> str | None:
        """Whose token it is; None for an installation's, which may not ask."""
        try:
            with _endings():
                return _read(Account, await self._api.getitem("/user")).login
        except Refused as refusal:
            if refusal.status == 403:
                return None
            raise

    async def statuses(self, repository: str, sha: str) -> dict[str, Status]:
        """The newest status of each context."""
        found: dict[str, Status] = {}
        async for item in self._list(f"/repos/{repository}/commits/{sha}/statuses"):
            status = _read(Status, item)
            found.setdefault(status.context, status)
        return found

    async def set_status(self, repository: str, sha: str, status: Status) -> int:
        """Its id."""
        data = {"state": status.state, "context": status.context, "description": status.description or ""}
        if status.target_url:
            data["target_url"] = status.target_url
        with _endings():
            return _read(_Id, await self._api.post(f"/repos/{repository}/statuses/{sha}", data=data)).id

    async def comments(self, repository: str, pull_request: int) -> AsyncGenerator[Comment]:
        """Oldest first."""
        async for item in self._list(f"/repos/{repository}/issues/{pull_request}/comments"):
            yield _read(Comment, item)

    async def comment(self, repository: str, comment_id: int) -> Comment | None:
        """None where it was deleted."""
        try:
            with _endings():
                return _read(Comment, await self._api.getitem(f"/repos/{repository}/issues/comments/{comment_id}"))
        except Refused as refusal:
            if refusal.status in {404, 410}:
                return None
            raise

    async def create_comment(self, repository: str, pull_request: int, body: str) -> int:
        """Its id."""
        with _endings():
            url = f"/repos/{repository}/issues/{pull_request}/comments"
            return _read(_Id, await self._api.post(url, data={"body": body})).id

    async def update_comment(self, repository: str, comment_id: int, body: str) -> bool:
        """False where it was deleted."""
        try:
            with _endings():
                await self._api.patch(f"/repos/{repository}/issues/comments/{comment_id}", data={"body": body})
        except Refused as refusal:
            if refusal.status in {404, 410}:
                return False
            raise
        return True

    async def _list(self, url: str) -> AsyncGenerator[object]:
        items = self._api.getiter(f"{url}?per_page={PAGE}")
        read = 0
        with _endings():
            async for item in items:
                yield item
                read += 1
                if read >= PAGE * PAGES:
                    return


@asynccontextmanager
async def open_github(api_url: str, token: str) -> AsyncGenerator[GitHub]:
    """`api_url` is https://api.github.com, or `https://HOST/api/v3` for GitHub Enterprise Server."""
    import httpx
    from gidgethub.httpx import GitHubAPI

    headers = {"X-GitHub-Api-Version": "2022-11-28"}
    async with httpx.AsyncClient(
        timeout=TIMEOUT_SECONDS, follow_redirects=True, max_redirects=3, headers=headers
    ) as client:
        yield GitHub(GitHubAPI(client, "firebreak", oauth_token=token, base_url=api_url))


@contextmanager
def _endings() -> Generator[None]:
    """Turns the libraries' exceptions into ours."""
    import gidgethub
    import httpx

    try:
        yield
    except gidgethub.GitHubBroken as error:
        raise Unreachable(f"GitHub answered {int(error.status_code)}") from error
    except gidgethub.HTTPException as error:
        status, message = int(error.status_code), str(error)[:MESSAGE_CHARACTERS]
        if (seconds := limited_seconds(status, error.headers, message)) is not None:
            raise Limited(seconds, message) from error
        raise Refused(status, message) from error
    except httpx.TransportError as error:
        raise Unreachable(f"{type(error).__name__}: {error}") from error
    except (httpx.HTTPError, gidgethub.GitHubException, ValueError) as error:
        raise Unreachable(f"no readable answer: {type(error).__name__}") from error


def limited_seconds(status: int, headers: Mapping[str, str], message: str, now: float | None = None) -> float | None:
    """How long to wait where a refusal is about rate, else None: `retry-after` first, then `x-ratelimit-reset` where
    nothing remains, else a minute (docs: "Rate limits for the REST API", "Exceeding the rate limit").
    """
    import time

    if status not in {403, 429}:
        return None
    if (after := _number(headers.get("retry-after"))) is not None:
        return max(1.0, after)
    if headers.get("x-ratelimit-remaining") == "0" and (reset := _number(headers.get("x-ratelimit-reset"))):
        return max(1.0, reset - (time.time() if now is None else now))
    return LIMITED_SECONDS if status == 429 or "rate limit" in message.lower() else None


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None


def _read(kind: type[Read], data: object) -> Read:
    """Raises Unreachable where GitHub's answer is not as documented."""
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        raise Unreachable(f"an answer of GitHub was not as documented: {error}") from error
