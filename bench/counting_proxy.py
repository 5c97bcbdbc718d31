"""Stands between an auditor and the emulator, and counts the calls. `python bench/counting_proxy.py TARGET`

It writes its port on a line of standard output. `GET /_count` answers how many calls came since it was last
asked. The same proxy is in every side's way, so what it takes itself is in every side's time.
"""

from __future__ import annotations

import http.client
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

COUNT = "/_count"


class Counting(ThreadingHTTPServer):
    """Forwards to `target`."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, target: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target = urlsplit(target).netloc
        self.lock = threading.Lock()
        self.calls = 0

    def taken(self) -> int:
        """How many calls there were; counting begins anew."""
        with self.lock:
            calls, self.calls = self.calls, 0
        return calls


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Counting

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except ConnectionError:
            self.close_connection = True  # whoever asked went away

    def setup(self) -> None:
        super().setup()
        self.upstream = http.client.HTTPConnection(self.server.target, timeout=600)

    def finish(self) -> None:
        self.upstream.close()
        super().finish()

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == COUNT:
            self._send(200, {}, str(self.server.taken()).encode())
            return
        with self.server.lock:
            self.server.calls += 1
        self.upstream.request(self.command, self.path, body, dict(self.headers.items()))
        answer = self.upstream.getresponse()
        self._send(answer.status, dict(answer.getheaders()), answer.read())

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in {"content-length", "transfer-encoding", "connection"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


for _method in ("DELETE", "GET", "HEAD", "POST", "PUT"):
    setattr(_Handler, f"do_{_method}", _Handler._any)  # noqa: SLF001 - its own class


if __name__ == "__main__":
    with Counting(sys.argv[1]) as proxy:
        print(proxy.server_address[1], flush=True)
        proxy.serve_forever()
