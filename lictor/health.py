"""What a service says of itself over HTTP on loopback: /metrics, /healthz, /readyz."""

import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIEnvironment

from prometheus_client import make_wsgi_app

HOST = "127.0.0.1"


class HealthServer:
    """Serves in a daemon thread. `ready` answers whether offsets move; it must not block."""

    def __init__(self, port: int, ready: Callable[[], bool]) -> None:
        """`port` 0 picks a free one.

        Raises:
            OSError: the port is taken.
        """
        self._ready = ready
        self._metrics = make_wsgi_app()
        self._server = make_server(HOST, port, self._answer, server_class=_Server, handler_class=_Quiet)
        self._thread = threading.Thread(target=self._server.serve_forever, name="health", daemon=True)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_port)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering and free the port."""
        if self._thread.is_alive():
            self._server.shutdown()
        self._server.server_close()

    def _answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO")
        if path == "/metrics":
            return list(self._metrics(environ, start_response))
        if path == "/healthz":
            return _say(start_response, "200 OK", b"alive\n")
        if path == "/readyz":
            if self._ready():
                return _say(start_response, "200 OK", b"ready\n")
            return _say(start_response, "503 Service Unavailable", b"not ready\n")
        return _say(start_response, "404 Not Found", b"try /metrics, /healthz or /readyz\n")


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
        """Say nothing: scrapes are no news."""


def _say(start_response: StartResponse, status: str, body: bytes) -> list[bytes]:
    headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]
    start_response(status, headers)
    return [body]
