"""Sockets inside a container's network namespace, for a process that stays outside of everything else of it.

setns(2) of a network namespace is per thread, so it is called in a thread made for that one socket; the
socket keeps its namespace and can be used from anywhere. Nothing is executed in the container and nothing of
ours enters its cgroup.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import socket
import threading
from collections.abc import Callable
from typing import TypeVar

CLONE_NEWNET = 0x40000000

Result = TypeVar("Result")

_libc = ctypes.CDLL(None, use_errno=True)


async def connect(pid: int, port: int, *, timeout_s: float) -> socket.socket:
    """Connect to 127.0.0.1:``port`` as the process ``pid`` sees it. Raises OSError."""

    def dial() -> socket.socket:
        return socket.create_connection(("127.0.0.1", port), timeout=timeout_s)

    return await in_network_of(pid, dial)


async def listen(pid: int) -> socket.socket:
    """Listen on a free port of 127.0.0.1 as the process ``pid`` sees it. Raises OSError."""

    def bind() -> socket.socket:
        return socket.create_server(("127.0.0.1", 0), backlog=4)

    return await in_network_of(pid, bind)


async def in_network_of(pid: int, action: Callable[[], Result]) -> Result:
    """Run ``action``, which must be bounded, in a thread of its own in the network namespace of ``pid``."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Result] = loop.create_future()

    def settle(outcome: Result | None, error: BaseException | None) -> None:
        if done.cancelled():
            if isinstance(outcome, socket.socket):
                outcome.close()
        elif error is not None:
            done.set_exception(error)
        else:
            done.set_result(outcome)  # type: ignore[arg-type]  # set where there is no error

    def run() -> None:
        outcome: Result | None = None
        failure: BaseException | None = None
        try:
            _enter_network_of(pid)
            outcome = action()
        except Exception as error:  # noqa: BLE001  handed to the caller as it is
            failure = error
        try:
            loop.call_soon_threadsafe(settle, outcome, failure)
        except RuntimeError:  # the loop is closed: nobody is left to take it
            if isinstance(outcome, socket.socket):
                outcome.close()

    threading.Thread(target=run, name=f"netns-{pid}", daemon=True).start()
    return await done


def _enter_network_of(pid: int) -> None:
    """Move the calling thread, and only it, into the network namespace of ``pid``."""
    namespace = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _libc.setns(namespace, CLONE_NEWNET) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
    finally:
        os.close(namespace)
