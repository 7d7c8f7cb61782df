"""Linux's numbers of sockets as people write them. Unknown numbers stay numbers."""

from policy.sections.network import AF_INET, AF_INET6, IP_PROTOCOLS

FAMILIES = {1: "AF_UNIX", AF_INET: "AF_INET", AF_INET6: "AF_INET6", 16: "AF_NETLINK", 17: "AF_PACKET"}
"""The usual `AF_*` of `linux/socket.h`."""
TYPES = {
    1: "SOCK_STREAM",
    2: "SOCK_DGRAM",
    3: "SOCK_RAW",
    4: "SOCK_RDM",
    5: "SOCK_SEQPACKET",
    6: "SOCK_DCCP",
    10: "SOCK_PACKET",
}
"""`SOCK_*` of `linux/net.h`."""
_OF_TYPE = {1: 6, 2: 17}
"""The IP protocol of a stream and of a datagram socket that was made with protocol 0."""


def family_name(family: int) -> str:
    """Such as `AF_INET`."""
    return FAMILIES.get(family, str(family))


def type_name(kind: int) -> str:
    """Such as `SOCK_STREAM`."""
    return TYPES.get(kind, str(kind))


def ip_protocol(family: int, kind: int, protocol: int) -> int | None:
    """The IP protocol's number; None where the socket speaks none, or it cannot be told."""
    if family not in {AF_INET, AF_INET6}:
        return None
    return protocol or _OF_TYPE.get(kind)


def ip_protocol_name(number: int) -> str | None:
    """Such as `tcp`; None where it has no name here."""
    return IP_PROTOCOLS.get(number)
