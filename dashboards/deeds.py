"""What a process did, in ECS's words: categories and types, and the groups of fields of each kind. Pure.

ECS has categories for files, networks and processes, and `api` for calls that a system's libraries make,
which is where system calls go. A need for a capability is something about the process. All are of
category `intrusion_detection` besides, which alone has `allowed` and `denied` next to `network`.
"""

import stat
from ipaddress import ip_address
from typing import Literal, NamedTuple

from dashboards import ecs, own_fields
from policy.events import (
    Access,
    CapabilityEvent,
    DnsEvent,
    FileEvent,
    JudgedEvent,
    MemoryEvent,
    NetworkEvent,
    ProcessEvent,
    SyscallEvent,
)
from policy.sections.network import AF_INET, AF_INET6
from wire.sockets import family_name, ip_protocol, ip_protocol_name, type_name

_FILE_TYPES: dict[Access, str] = {
    "read": "access",
    "create": "creation",
    "mkdir": "creation",
    "link": "creation",
    "symlink": "creation",
    "unlink": "deletion",
    "rmdir": "deletion",
}
"""Every other access is a change."""

_SOCKET_TYPES: dict[str, tuple[str, ...]] = {
    "connect": ("connection", "start"),
    "accept": ("connection", "start"),
    "send": ("connection",),
}
"""Making, binding and listening make no connection yet."""

_DIRECTIONS: dict[str, Literal["egress", "ingress"]] = {
    "connect": "egress",
    "send": "egress",
    "accept": "ingress",
}
_IP_TYPES: dict[int, Literal["ipv4", "ipv6"]] = {AF_INET: "ipv4", AF_INET6: "ipv6"}
_INODES: dict[int, Literal["file", "dir", "symlink"]] = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "dir",
    stat.S_IFLNK: "symlink",
}
_MODE = 0o177777
"""What `st_mode` can be. Records hold whatever their writer put there."""


class Deed(NamedTuple):
    """One kind's part of a document."""

    category: str
    types: tuple[str, ...]
    """`event.type`, without what the verdict adds."""
    action: str
    file: ecs.File | None = None
    network: ecs.Network | None = None
    source: ecs.Endpoint | None = None
    destination: ecs.Endpoint | None = None
    dns: ecs.Dns | None = None
    own_file: own_fields.LictorFile | None = None
    socket: own_fields.LictorSocket | None = None
    capability: str | None = None
    syscall: str | None = None


def deed_of(event: JudgedEvent) -> Deed:
    """What the process did."""
    match event:
        case ProcessEvent():
            deed = Deed("process", ("start",), "exec")
        case FileEvent():
            deed = _file(event)
        case NetworkEvent():
            deed = _socket(event)
        case DnsEvent():
            deed = _lookup(event)
        case CapabilityEvent():
            deed = Deed("process", ("info",), "capability", capability=event.capability)
        case SyscallEvent():
            deed = _syscall(event)
        case MemoryEvent():
            deed = Deed("process", ("change",), "execute-anonymous-memory")
    return deed


def _file(event: FileEvent) -> Deed:
    mode = event.mode & _MODE
    return Deed(
        "file",
        (_FILE_TYPES.get(event.access, "change"),),
        event.access,
        file=ecs.File(
            path=event.path,
            name=base_name(event.path),
            type=_INODES.get(stat.S_IFMT(mode)),
            uid=str(event.owner_uid),
            mode=f"{stat.S_IMODE(mode):04o}" if mode else None,
        ),
        own_file=own_fields.LictorFile(
            new_path=event.new_path or None,
            path_truncated=event.truncated,
            path_escaped=event.escaped,
            new_path_truncated=event.new_truncated,
            flags=event.flags or None,
        ),
    )


def _socket(event: NetworkEvent) -> Deed:
    number = ip_protocol(event.family, event.type, event.protocol)
    network = ecs.Network(
        type=_IP_TYPES.get(event.family),
        transport=None if number is None else ip_protocol_name(number),
        iana_number=None if number is None else str(number),
        direction=_DIRECTIONS.get(event.operation),
    )
    # Whoever connects is the source. The address is the other side's where there is one.
    other = event.operation in {"connect", "send"}
    endpoint = _endpoint(event)
    return Deed(
        "network",
        _SOCKET_TYPES.get(event.operation, ("info",)),
        event.operation,
        network=network,
        source=None if other else endpoint,
        destination=endpoint if other else None,
        socket=own_fields.LictorSocket(family=family_name(event.family), type=type_name(event.type)),
    )


def _endpoint(event: NetworkEvent) -> ecs.Endpoint | None:
    if not event.address:
        return None
    return ecs.Endpoint(address=event.address, ip=_ip(event.address), port=event.port or None)


def _ip(address: str) -> str | None:
    """The address, if Elasticsearch takes it as one: it refuses the whole document otherwise."""
    try:
        return str(ip_address(address.partition("%")[0]))
    except ValueError:
        return None


def _lookup(event: DnsEvent) -> Deed:
    question = ecs.DnsQuestion(name=event.name, type=event.record or None)
    return Deed(
        "network",
        ("protocol",),
        "dns-query",
        network=ecs.Network(protocol="dns", direction="egress"),
        dns=ecs.Dns(type="query", question=question),
    )


def _syscall(event: SyscallEvent) -> Deed:
    file = ecs.File(path=event.path, name=base_name(event.path)) if event.path else None
    return Deed(
        "api",
        ("info",),
        "syscall",
        file=file,
        own_file=own_fields.LictorFile(path_truncated=True) if event.truncated else None,
        syscall=event.syscall,
    )


def base_name(path: str) -> str:
    """What stands behind the last slash."""
    return path.rpartition("/")[2]
