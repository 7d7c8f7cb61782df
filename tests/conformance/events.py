"""The event of a case, as the kind of event that the judge knows.

Names and numbers are those of Linux; a case may give either, in any case, with or without the prefix
(`SOCK_STREAM`, `stream`, `1`).
"""

import socket
from collections.abc import Callable, Mapping
from typing import Any, get_args

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

Given = Mapping[str, Any]

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
    operation = str(_needed(given, "operation"))
    make = _OPERATIONS.get(operation.lower())
    if make is None:
        raise CaseError(f"operation {operation!r} is none of Process, File, Network, Capabilities, Syscall")
    return make(given)


def _process(given: Given) -> ProcessEvent:
    return ProcessEvent(
        **_MOMENT,
        executable=Executable(path=_needed(given, "processName")),
        source=_program(given, "parentProcessName"),
        args=tuple(given.get("args") or ()),
        cwd=given.get("cwd") or "",
        owner_uid=given.get("ownerUid") or 0,
        **_user(given),
    )


def _file(given: Given) -> FileEvent:
    word = str(_needed(given, "access"))
    access = _ACCESSES.get(word.lower())
    if access is None:
        raise CaseError(f"access {word!r} is none of {', '.join(_ACCESSES)}")
    # Who makes a file owns it; a file that was there belongs to root unless the case says more.
    owner = given.get("uid") if access in _COMES_TO_BE else 0
    return FileEvent(
        **_acting(given),
        access=access,
        path=_resource(_needed(given, "resource")),
        owner_uid=(owner if given.get("ownerUid") is None else given["ownerUid"]) or 0,
    )


def _network(given: Given) -> NetworkEvent | DnsEvent:
    if given.get("dnsQuery"):
        return DnsEvent(**_acting(given), name=str(given["dnsQuery"]).removesuffix("."))
    about = _needed(given, "socket")
    return NetworkEvent(
        **_acting(given),
        family=_number(about.get("family") or "AF_INET", "address family", _family),
        type=_number(_needed(about, "type"), "socket type", _type),
        protocol=_number(about.get("protocol") or 0, "protocol", _protocol),
    )


def _capability(given: Given) -> CapabilityEvent:
    name = str(_needed(given, "capability")).lower().removeprefix("cap_")
    return CapabilityEvent(**_acting(given), capability=name)


def _syscall(given: Given) -> SyscallEvent:
    return SyscallEvent(
        **_acting(given),
        syscall=str(_needed(given, "syscall")).lower().removeprefix("sys_"),
        path=_resource(given.get("resource") or ""),
    )


_OPERATIONS: dict[str, Callable[[Given], JudgedEvent]] = {
    "process": _process,
    "file": _file,
    "network": _network,
    "capabilities": _capability,
    "capability": _capability,
    "syscall": _syscall,
    "syscalls": _syscall,
}


def _needed(given: Given, field: str) -> Any:
    value = given.get(field)
    if value is None or value == "":
        raise CaseError(f"the event has no {field}")
    return value


def _user(given: Given) -> dict[str, Any]:
    return {"uid": given.get("uid") or 0, "tty": given.get("tty") or ""}


def _acting(given: Given) -> dict[str, Any]:
    return {**_MOMENT, **_user(given), "actor": _program(given, "processName")}


def _program(given: Given, field: str) -> Executable | None:
    return Executable(path=given[field]) if given.get(field) else None


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
