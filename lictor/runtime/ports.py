"""Loopback ports that stay free until a child binds them, and the same ones after a restart."""

from __future__ import annotations

import random
import socket
from pathlib import Path

from lictor.runtime.errors import NoFreePortError

LOWEST = 15_000


def is_free(port: int) -> bool:
    """Whether a server could bind this port on 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def ephemeral_floor() -> int:
    """First port that the kernel gives to outgoing connections."""
    return int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])


def choose(count: int = 1) -> tuple[int, ...]:
    """Distinct free ports below the ephemeral range.

    From within that range, an outgoing connection could take the port of a broker that is just restarting;
    a client that keeps trying to reach it could even connect to itself.
    """
    highest = max(ephemeral_floor(), LOWEST + 1_000)
    chosen: list[int] = []
    for port in random.sample(range(LOWEST, highest), k=min(1_000, highest - LOWEST)):
        if is_free(port):
            chosen.append(port)
            if len(chosen) == count:
                return tuple(chosen)
    raise NoFreePortError(
        f"{count} free ports on 127.0.0.1 from {LOWEST} to {highest} are not to be had: stop what holds them"
    )


def remembered(path: Path, count: int = 1) -> tuple[int, ...]:
    """The ports that `path` names if they are free, else new ones, written there for the next time."""
    if path.exists():
        words = path.read_text(encoding="ascii").split()
        if len(words) == count and all(word.isdigit() and is_free(int(word)) for word in words):
            return tuple(int(word) for word in words)
    ports = choose(count)
    path.write_text(" ".join(str(port) for port in ports) + "\n", encoding="ascii")
    return ports
