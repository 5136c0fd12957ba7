"""An ASGI application on a port, inside a running event loop: uvicorn without its hold on the process.

It installs no signal handlers: it runs until it is cancelled and then lets the requests in hand finish, within a bound.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

from libs.environment import BadSetting

if TYPE_CHECKING:
    from uvicorn import Server

DRAIN_SECONDS = 5
"""What requests in hand get to finish; an event stream that never ends is cut off after it."""
KEEP_ALIVE_SECONDS = 75
"""Longer than nginx keeps an idle upstream connection (60 s): it must not pick one that is being closed."""
HEAD_SECONDS = 10.0
"""For a request's head. GitHub itself gives up after 10 s; a browser that connects ahead of need connects again."""
BACKLOG = 1024


async def serve_http(
    app: Callable[..., Any],
    host: str,
    port: int,
    *,
    ready: Callable[[int], None] = lambda _: None,
    max_connections: int = 1024,
    head_seconds: float = HEAD_SECONDS,
) -> None:
    """Serves until cancelled. `ready` is told the real port (`port` may be 0). Raises BadSetting if it cannot listen.

    Over `max_connections` at once are answered 503; one whose request's head takes over `head_seconds` is closed.
    """
    listener = _listen(host, port)
    server = _server(app, max_connections, head_seconds)
    task = asyncio.ensure_future(server.serve([listener]))
    try:
        ready(listener.getsockname()[1])
        await asyncio.shield(task)
    finally:
        server.should_exit = True
        with contextlib.suppress(asyncio.CancelledError):
            await task
        listener.close()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio sets TCP_NODELAY only then, on what this socket accepts: without it, each
    # answer on a kept connection waits 40 ms for the client's delayed acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise BadSetting(
            f"cannot listen on {host}:{port} ({error.strerror}): set HOST and the port to free ones"
        ) from None
    return listener


def _server(app: Callable[..., Any], max_connections: int, seconds: float) -> Server:
    import uvicorn

    from libs.request_head import HeadInTime

    class Protocol(HeadInTime):
        head_seconds = seconds

    class QuietServer(uvicorn.Server):
        @contextlib.contextmanager
        def capture_signals(self) -> Generator[None]:
            yield

    return QuietServer(
        uvicorn.Config(
            app,
            http=Protocol,
            lifespan="off",
            ws="none",
            log_config=None,
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=DRAIN_SECONDS,
            limit_concurrency=max_connections,
        )
    )
