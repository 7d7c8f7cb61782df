"""Sockets by the names that policies have for them, or by Linux's numbers."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated, NamedTuple

from pydantic import BeforeValidator

from policy.described.seen import Number
from policy.documents.fields import nearest, refusal
from policy.documents.problems import ProblemCode
from policy.documents.sections import Written
from policy.text import shown

FAMILIES = {"unix": 1, "inet": 2, "inet6": 10, "netlink": 16, "packet": 17, "tipc": 30, "vsock": 40}
"""`AF_*`."""
TYPES = {"stream": 1, "dgram": 2, "raw": 3, "rdm": 4, "seqpacket": 5, "dccp": 6, "packet": 10}
"""`SOCK_*`."""
PROTOCOLS = {"icmp": 1, "tcp": 6, "udp": 17, "dccp": 33, "icmpv6": 58, "sctp": 132, "raw": 255}
"""`IPPROTO_*`."""


class Socket(NamedTuple):
    """The arguments of socket(2)."""

    family: int
    type: int
    protocol: int = 0


NAMED: Mapping[str, Socket] = {
    "tcp": Socket(2, 1, 6),
    "udp": Socket(2, 2, 17),
    "icmp": Socket(2, 3, 1),
    "icmpv6": Socket(10, 3, 58),
    "sctp": Socket(2, 1, 132),
    "dccp": Socket(2, 6, 33),
    "raw": Socket(2, 3, 255),
    "stream": Socket(2, 1),
    "dgram": Socket(2, 2),
    "rdm": Socket(30, 4),
    "seqpacket": Socket(1, 5),
    "packet": Socket(17, 10),
}
"""A socket for each protocol that policies name. `tcp` and `udp` say the protocol; `stream` and `dgram`
leave it to the type, as most programs do, and are tcp and udp too."""


def _number(known: Mapping[str, int], what: str, value: object) -> object:
    if not isinstance(value, str):
        return value
    if value.lower() not in known:
        sentence = f"{shown(value)} is no {what} known by name: {', '.join(known)}, or a number"
        raise refusal(ProblemCode.BAD_PROTOCOL, f"{sentence}{nearest(value, known)}")
    return known[value.lower()]


class SocketNumbers(Written):
    """A socket by family, type and protocol: names or Linux's numbers."""

    family: Annotated[Number, BeforeValidator(partial(_number, FAMILIES, "family"))]
    type: Annotated[Number, BeforeValidator(partial(_number, TYPES, "type"))]
    protocol: Annotated[Number, BeforeValidator(partial(_number, PROTOCOLS, "protocol"))] = 0


def _by_name(value: object) -> object:
    if isinstance(value, dict):
        return value
    socket = NAMED.get(value.lower()) if isinstance(value, str) else None
    if socket is None:
        near = nearest(value, NAMED) if isinstance(value, str) else ""
        raise refusal(
            ProblemCode.BAD_PROTOCOL,
            f"name a socket ({', '.join(NAMED)}) or give its family, type and protocol{near}",
        )
    return {"family": socket.family, "type": socket.type, "protocol": socket.protocol}


AnySocket = Annotated[SocketNumbers, BeforeValidator(_by_name)]
