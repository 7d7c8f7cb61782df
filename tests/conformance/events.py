"""The event of a case, as the kind of event that the judge knows.

Names and numbers are those of Linux; a case may give either, in any case, with or without the prefix
(`SOCK_STREAM`, `stream`, `1`).
"""

import socket
from collections.abc import Callable
from typing import Any, TypeVar, get_args

import msgspec

from policy.events import (
    Access,
    CapabilityEvent,
    DnsEvent,
    Executable,
    FileEvent,
    JudgedEvent,
    NetworkEvent,
    ProcessEvent,
    SyscallEvent,
)


class GivenSocket(msgspec.Struct, frozen=True, kw_only=True):
    """A socket, each part by name or by number."""

    family: int | str | None = None
    type: int | str | None = None
    protocol: int | str | None = None


class Given(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The event of a case. Which fields there are depends on `operation`; others only inform."""

    operation: str
    process_name: str | None = None
    parent_process_name: str | None = None
    args: tuple[str, ...] | None = None
    cwd: str | None = None
    uid: int | None = None
    owner_uid: int | None = None
    tty: str | None = None
    access: str | None = None
    resource: str | None = None
    socket: GivenSocket | None = None
    dns_query: str | None = None
    capability: str | None = None
    syscall: str | None = None


_MOMENT: dict[str, Any] = {
    "cpu": 0,
    "sequence": 0,
    "time_ns": 0,
    "boot_ns": 0,
    "start_ns": 0,
    "pid": 100,
    "namespace_pid": 100,
}
_IP_PROTOCOLS = {
    "IP": 0,
    "ICMP": 1,
    "IGMP": 2,
    "TCP": 6,
    "UDP": 17,
    "DCCP": 33,
    "GRE": 47,
    "ICMPV6": 58,
    "SCTP": 132,
    "UDPLITE": 136,
    "RAW": 255,
    "MPTCP": 262,
}
"""`IPPROTO_*` of `linux/in.h`; not all are in Python's `socket`."""
_OTHER_PROTOCOLS = {
    "ETH_P_ALL": 3,
    "ETH_P_IP": 0x800,
    "ETH_P_ARP": 0x806,
    "ETH_P_IPV6": 0x86DD,
    "NETLINK_ROUTE": 0,
    "NETLINK_AUDIT": 9,
    "NETLINK_NETFILTER": 12,
    "NETLINK_KOBJECT_UEVENT": 15,
    "NETLINK_GENERIC": 16,
}
"""Of `linux/if_ether.h` and `linux/netlink.h`: no rule is about them."""
_TYPES = {"STREAM": 1, "DGRAM": 2, "RAW": 3, "RDM": 4, "SEQPACKET": 5, "DCCP": 6, "PACKET": 10}
"""`SOCK_*` of `linux/net.h`."""
_ACCESSES: dict[str, Access] = {access: access for access in get_args(Access)}
_COMES_TO_BE = frozenset({"create", "mkdir", "symlink"})


class CaseError(ValueError):
    """The case holds something that its format does not have; the message says what."""


def event_of(given: Given) -> JudgedEvent:
    """The event.

    Raises:
        CaseError: a word of it is not known, or a field is missing.
    """
    make = _OPERATIONS.get(given.operation.lower())
    if make is None:
        known = "Process, File, Network, Capabilities, Syscall"
        raise CaseError(f"operation {given.operation!r} is none of {known}")
    return make(given)


def _process(given: Given) -> ProcessEvent:
    return ProcessEvent(
        **_MOMENT,
        **_user(given),
        executable=Executable(path=_needed(given.process_name, "processName")),
        source=_program(given.parent_process_name),
        args=given.args or (),
        cwd=given.cwd or "",
        owner_uid=given.owner_uid or 0,
    )


def _file(given: Given) -> FileEvent:
    word = _needed(given.access, "access")
    access = _ACCESSES.get(word.lower())
    if access is None:
        raise CaseError(f"access {word!r} is none of {', '.join(_ACCESSES)}")
    # Who makes a file owns it; a file that was there belongs to root unless the case says more.
    owner = given.uid if access in _COMES_TO_BE else 0
    return FileEvent(
        **_acting(given),
        access=access,
        path=_resource(_needed(given.resource, "resource")),
        owner_uid=(owner if given.owner_uid is None else given.owner_uid) or 0,
    )


def _network(given: Given) -> NetworkEvent | DnsEvent:
    if given.dns_query:
        return DnsEvent(**_acting(given), name=given.dns_query.removesuffix("."))
    about = _needed(given.socket, "socket")
    if about.type is None:
        raise CaseError("the event has no type of its socket")
    return NetworkEvent(
        **_acting(given),
        family=_number(about.family or "AF_INET", "address family", _family),
        type=_number(about.type, "socket type", _type),
        protocol=_number(about.protocol or 0, "protocol", _protocol),
    )


def _capability(given: Given) -> CapabilityEvent:
    name = _needed(given.capability, "capability").lower().removeprefix("cap_")
    return CapabilityEvent(**_acting(given), capability=name)


def _syscall(given: Given) -> SyscallEvent:
    name = _needed(given.syscall, "syscall").lower().removeprefix("sys_")
    return SyscallEvent(**_acting(given), syscall=name, path=_resource(given.resource or ""))


_OPERATIONS: dict[str, Callable[[Given], JudgedEvent]] = {
    "process": _process,
    "file": _file,
    "network": _network,
    "capabilities": _capability,
    "capability": _capability,
    "syscall": _syscall,
    "syscalls": _syscall,
}


T = TypeVar("T")


def _needed(value: T | None, name: str) -> T:
    if value is None or value == "":
        raise CaseError(f"the event has no {name}")
    return value


def _user(given: Given) -> dict[str, Any]:
    return {"uid": given.uid or 0, "tty": given.tty or ""}


def _acting(given: Given) -> dict[str, Any]:
    return {**_MOMENT, **_user(given), "actor": _program(given.process_name)}


def _program(path: str | None) -> Executable | None:
    return Executable(path=path) if path else None


def _resource(path: str) -> str:
    """A directory is sometimes written with a slash at its end; the kernel gives it without."""
    return path.rstrip("/") or path[:1]


def _number(value: int | str, what: str, by_name: Callable[[str], int | None]) -> int:
    if isinstance(value, int):
        return value
    name = value.strip().upper()
    if name.isdecimal():
        return int(name)
    number = by_name(name)
    if number is None:
        raise CaseError(f"{what} {value!r} is not known")
    return number


def _family(name: str) -> int | None:
    name = f"AF_{name.removeprefix('AF_').removeprefix('PF_')}"
    if name == "AF_LOCAL":
        name = "AF_UNIX"
    number = getattr(socket, name, None)
    return None if number is None else int(number)


def _type(name: str) -> int | None:
    # Flags such as SOCK_CLOEXEC are no part of the type.
    return _TYPES.get(name.split("|", maxsplit=1)[0].strip().removeprefix("SOCK_"))


def _protocol(name: str) -> int | None:
    if name in {"UNSPEC", "UNSPECIFIED"}:
        return 0
    return _OTHER_PROTOCOLS.get(name, _IP_PROTOCOLS.get(name.removeprefix("IPPROTO_").replace("-", "")))
