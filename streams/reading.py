"""A batch read for judging: what no rule asks for stays as the sensor wrote it.

Most of an event is its ancestors, and to make objects of them costs more than to judge it. So they are
left in their JSON, and read for the few events that are told further on (`whole`), or where an event
does not say who executed it and the judge must look at the parent. JSON that is broken is noticed at
once in any case; ancestors of another shape are noticed when the event is told.
"""

from typing import Any

import msgspec

from policy.events import (
    CapabilityEvent,
    DnsEvent,
    ExitEvent,
    FileEvent,
    JudgedEvent,
    MemoryEvent,
    NetworkEvent,
    ProcessEvent,
    SyscallEvent,
)
from wire.codec import Reader, RecordError, encode, read_batch
from wire.records import EventBatch

_NONE = msgspec.Raw(b"[]")
_ALL_ZERO = msgspec.Raw(b"{}")


# Each kind has a twin of which two fields are carried and not read. The types are wrong on purpose: what
# is read of an event is right in either, and `whole` gives the rest.


class CarriedProcess(ProcessEvent, frozen=True, kw_only=True, omit_defaults=True, tag="process"):
    """Has a `source`, or else the batch is read whole."""

    ancestors: msgspec.Raw = _NONE  # type: ignore[assignment]  # see above, here and below
    namespaces: msgspec.Raw = _ALL_ZERO  # type: ignore[assignment]


class _CarriedFile(FileEvent, frozen=True, kw_only=True, omit_defaults=True, tag="file"):
    ancestors: msgspec.Raw = _NONE  # type: ignore[assignment]
    namespaces: msgspec.Raw = _ALL_ZERO  # type: ignore[assignment]


class _CarriedNetwork(NetworkEvent, frozen=True, kw_only=True, omit_defaults=True, tag="network"):
    ancestors: msgspec.Raw = _NONE  # type: ignore[assignment]
    namespaces: msgspec.Raw = _ALL_ZERO  # type: ignore[assignment]


class _CarriedDns(DnsEvent, frozen=True, kw_only=True, omit_defaults=True, tag="dns"):
    ancestors: msgspec.Raw = _NONE  # type: ignore[assignment]
    namespaces: msgspec.Raw = _ALL_ZERO  # type: ignore[assignment]


class _CarriedCapability(CapabilityEvent, frozen=True, kw_only=True, omit_defaults=True, tag="capability"):
    ancestors: msgspec.Raw = _NONE  # type: ignore[assignment]
    namespaces: msgspec.Raw = _ALL_ZERO  # type: ignore[assignment]


class _CarriedSyscall(SyscallEvent, frozen=True, kw_only=True, omit_defaults=True, tag="syscall"):
    ancestors: msgspec.Raw = _NONE  # type: ignore[assignment]
    namespaces: msgspec.Raw = _ALL_ZERO  # type: ignore[assignment]


class _CarriedMemory(MemoryEvent, frozen=True, kw_only=True, omit_defaults=True, tag="memory"):
    ancestors: msgspec.Raw = _NONE  # type: ignore[assignment]
    namespaces: msgspec.Raw = _ALL_ZERO  # type: ignore[assignment]


_Carried = (
    CarriedProcess
    | _CarriedFile
    | _CarriedNetwork
    | _CarriedDns
    | _CarriedCapability
    | _CarriedSyscall
    | _CarriedMemory
)


class _CarriedBatch(EventBatch, frozen=True, kw_only=True):
    events: tuple[_Carried | ExitEvent, ...]


_read_carried: Reader[_CarriedBatch] = Reader(_CarriedBatch)
_judged_event: Any = JudgedEvent  # a union is no type to a type checker
_whole: msgspec.json.Decoder[JudgedEvent] = msgspec.json.Decoder(_judged_event)


def read_for_judging(value: bytes | None) -> EventBatch:
    """Decode a batch as far as judging needs it.

    Raises:
        RecordError: as `wire.codec.read_batch` does.
    """
    batch = _read_carried(value)
    if any(event.source is None for event in batch.events if type(event) is CarriedProcess):
        return read_batch(value)
    return batch


def is_carried(event: JudgedEvent) -> bool:
    """Whether parts of the event are not read yet."""
    return isinstance(event, _Carried)


def whole(event: JudgedEvent) -> JudgedEvent:
    """The event with all its fields read.

    Raises:
        RecordError: what was carried is not what it must be.
    """
    if not is_carried(event):
        return event
    try:
        return _whole.decode(encode(event))
    except msgspec.ValidationError as error:
        raise RecordError("not-this-type", f"the record is of another type: {error}") from error
