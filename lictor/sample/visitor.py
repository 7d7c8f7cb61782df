"""A visitor of the sample's web server, who comes in through the network and nowhere else."""

from __future__ import annotations

import asyncio
import socket
import time
from dataclasses import dataclass

from lictor.sample import netns
from lictor.sample.container import HTTP_PORT, SampleContainer
from lictor.sample.errors import SampleError

PING_PAGE = "/cgi-bin/ping?host=127.0.0.1"
"""The page as its author meant it: Apache starts dash on the script, dash starts ping."""

FRONT_PAGE = "/"
"""A file: serving it executes nothing."""

VISIT_TIMEOUT_S = 30.0
BODY_MAX_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """An answer of the web server."""

    path: str
    status: int
    body: str
    asked_at: int
    """Wall clock, ns."""
    answered_at: int
    """Wall clock, ns."""


async def visit(container: SampleContainer, path: str, *, timeout_s: float = VISIT_TIMEOUT_S) -> Page:
    """GET ``path``, sent as it is, within ``timeout_s`` in all; a cancelled visit hangs up at once.

    Raises :class:`SampleError` when no answer in HTTP comes.
    """
    asked_at = time.time_ns()
    connection: socket.socket | None = None
    try:
        async with asyncio.timeout(timeout_s):
            connection = await netns.connect(container.pid, HTTP_PORT, timeout_s=timeout_s)
            connection.setblocking(False)
            loop = asyncio.get_running_loop()
            request = f"GET {path} HTTP/1.0\r\nHost: {container.container_id}\r\n\r\n"
            await loop.sock_sendall(connection, request.encode("ascii"))
            answer = b""
            # HTTP/1.0 without keep-alive: the answer ends with the connection.
            while chunk := await loop.sock_recv(connection, 65536):
                answer += chunk
                if len(answer) > BODY_MAX_BYTES:
                    raise SampleError(f"{path} answered with more than {BODY_MAX_BYTES} bytes")
        return _page(path, answer, asked_at)
    except TimeoutError:
        raise SampleError(f"{path} did not answer within {timeout_s:g} s") from None
    except OSError as error:
        raise SampleError(f"{path} could not be visited: {error!r}") from error
    finally:
        if connection is not None:
            connection.close()


def _page(path: str, answer: bytes, asked_at: int) -> Page:
    head, separator, body = answer.partition(b"\r\n\r\n")
    status_line = head.split(b"\r\n", 1)[0].split(b" ", 2)
    if not separator or len(status_line) < 2 or not status_line[1].isdigit():
        raise SampleError(f"{path} was not answered in HTTP: {answer[:200]!r}")
    return Page(
        path=path,
        status=int(status_line[1]),
        body=body.decode(errors="replace"),
        asked_at=asked_at,
        answered_at=time.time_ns(),
    )
