"""A way to the fake that loses answers: the request is carried out, and then the connection ends."""

from __future__ import annotations

import http.client
import http.server
import threading
from urllib.parse import urlsplit


class Losing:
    """Of each `every` commands one answer is lost; 0 loses none."""

    def __init__(self, url: str, every: int) -> None:
        self._port = urlsplit(url).port
        self.every = every
        self.lost = 0
        self._count = 0
        self._lock = threading.Lock()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def end(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def loses(self, path: str) -> bool:
        with self._lock:
            self._count += path.endswith("/execute")
            lost = bool(self.every) and path.endswith("/execute") and self._count % self.every == 0
            self.lost += lost
            return lost

    def pass_on(self, method: str, path: str, body: bytes, authorization: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        try:
            connection.request(method, path, body or None, {"Authorization": authorization})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        way = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, data = way.pass_on(self.command, self.path, body, self.headers["Authorization"])
                if way.loses(self.path):
                    return
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_DELETE = handle_any

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler
