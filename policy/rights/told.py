"""An event as people describe it (`policy.described`): `{"exec": PATH, "from": PROGRAM}`."""

from functools import singledispatch

from policy.described.sockets import NAMED
from policy.events import (
    ActingEvent,
    CapabilityEvent,
    DnsEvent,
    Event,
    FileEvent,
    MemoryEvent,
    NetworkEvent,
    ProcessEvent,
    SyscallEvent,
)

Told = dict[str, str | int | bool | tuple[str, ...] | dict[str, int]]
"""Keys as in descriptions; texts are in the form in which events carry them."""


def told(event: Event) -> Told:
    """What happened and by whom, without what is at its default; empty for what cannot be described."""
    said = _happened(event)
    if isinstance(event, ActingEvent):
        said |= {"by": event.actor.path if event.actor else "", "pid": event.namespace_pid}
    said |= {"tty": getattr(event, "tty", ""), "uid": getattr(event, "uid", 0)}
    return {key: value for key, value in said.items() if value or key == "memory"}


@singledispatch
def _happened(event: Event) -> Told:  # noqa: ARG001
    return {}


@_happened.register
def _(event: ProcessEvent) -> Told:
    source = event.source or (event.ancestors[0].executable if event.ancestors else None)
    return {
        "exec": event.executable.path,
        "truncated": event.executable.truncated,
        "script": event.script,
        "from": source.path if source else "",
        "args": event.args[1:],
        "argsTruncated": event.args_truncated,
        "argsRedacted": event.args_redacted,
        "owner": event.owner_uid,
        "entered": event.entered,
    }


@_happened.register
def _(event: FileEvent) -> Told:
    return {
        event.access: event.path,
        "truncated": event.truncated,
        "new": event.new_path,
        "newTruncated": event.new_truncated,
        "owner": event.owner_uid,
    }


@_happened.register
def _(event: NetworkEvent) -> Told:
    numbers = (event.family, event.type, event.protocol)
    name = next((name for name, one in NAMED.items() if tuple(one) == numbers), "")
    spelled = {"family": event.family, "type": event.type, "protocol": event.protocol}
    return {event.operation: name or spelled, "address": event.address, "port": event.port}


@_happened.register
def _(event: DnsEvent) -> Told:
    return {"dns": event.name, "record": event.record}


@_happened.register
def _(event: CapabilityEvent) -> Told:
    return {"capability": event.capability}


@_happened.register
def _(event: SyscallEvent) -> Told:
    return {"syscall": event.syscall, "path": event.path, "truncated": event.truncated}


@_happened.register
def _(event: MemoryEvent) -> Told:  # noqa: ARG001
    return {"memory": "executable"}
